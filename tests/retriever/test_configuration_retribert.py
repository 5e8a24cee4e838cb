"""RetriBertConfig against the documented defaults, its checks, and its round trip through a folder."""

import pytest
from transformers import AutoConfig

import retriever.modeling_retribert  # noqa: F401 (registers "retribert")
from retriever.configuration_retribert import RetriBertConfig

PUBLISHED_DEFAULTS = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 8,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "share_encoders": True,
    "projection_dim": 128,
    "pad_token_id": 0,
}


def test_defaults_are_the_published_ones():
    config = RetriBertConfig()
    assert {name: getattr(config, name) for name in PUBLISHED_DEFAULTS} == PUBLISHED_DEFAULTS
    assert (config.model_type, config.pooling, config.normalize) == ("retribert", "cls", False)


def test_positional_arguments_in_the_published_order():
    config = RetriBertConfig(100, 24, 2, 4)
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (
        100,
        24,
        2,
        4,
    )


def test_round_trip_through_a_folder(tmp_path):
    values = {
        "hidden_size": 24,
        "num_attention_heads": 4,
        "share_encoders": False,
        "pooling": "mean",
        "normalize": True,
    }
    RetriBertConfig(**values, pad_token_id=3).save_pretrained(tmp_path)
    for config in (RetriBertConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert type(config) is RetriBertConfig
        assert {name: getattr(config, name) for name in values} == values
        assert config.pad_token_id == 3


def test_encoder_config_carries_every_size_over():
    values = {
        "vocab_size": 99,
        "hidden_size": 20,
        "num_hidden_layers": 3,
        "num_attention_heads": 5,
        "intermediate_size": 44,
        "hidden_act": "relu",
        "hidden_dropout_prob": 0.3,
        "attention_probs_dropout_prob": 0.4,
        "max_position_embeddings": 33,
        "type_vocab_size": 4,
        "initializer_range": 0.5,
        "layer_norm_eps": 1e-3,
        "pad_token_id": 7,
    }
    encoder = RetriBertConfig(**values).encoder_config()
    assert {name: getattr(encoder, name) for name in values} == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pooling": "max"}, "pooling is 'max': use one of 'cls', 'mean'"),
        ({"projection_dim": 0}, "projection_dim is 0"),
        ({"num_hidden_layers": 2.0}, "num_hidden_layers is 2.0"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"hidden_size": 100}, "hidden_size 100 cannot be divided among 12"),
        ({"hidden_act": "gelo"}, "hidden_act is 'gelo'"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob is 1.5"),
        ({"attention_probs_dropout_prob": "0.1"}, "attention_probs_dropout_prob is '0.1'"),
        ({"layer_norm_eps": -1e-12}, "layer_norm_eps is -1e-12"),
        ({"share_encoders": "yes"}, "share_encoders is 'yes'"),
        ({"normalize": None}, "normalize is None"),
        ({"pad_token_id": 30522}, "pad_token_id is 30522: use None or an id from 0 to 30521"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        RetriBertConfig(**values)
