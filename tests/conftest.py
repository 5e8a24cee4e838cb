"""A corpus of twelve passages and tiny random models: enough to run every part without a download."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.passages import Passage, article_url
from qa import LongFormQA
from retriever.encode import Encoder
from retriever.index import PassageIndex
from retriever.search import Retriever

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from generator.support.reading import Reader

_ARTICLES = {
    "Flute": "A flute is a woodwind instrument without a reed. Its sound comes from air blown across an edge.",
    "Oboe": "The oboe is a woodwind instrument with a double reed. It is often made of wood.",
    "Tide": "Tides are the rise and fall of the sea. The Moon and the Sun pull the water. They repeat each day.",
    "Moon": "The Moon is the only natural satellite of Earth. It always shows the same side to Earth.",
    "Vaccine": "A vaccine gives immunity to a disease. It often holds weakened forms of a microbe.",
    "Fever": "A fever is a body temperature above the normal range. It helps the body fight an infection.",
    "Honey": "Honey is a sweet food made by bees from nectar. Bees keep it in wax combs.",
    "Volcano": "A volcano is a rupture in the crust of a planet. Hot lava and ash escape through it.",
    "Rainbow": "A rainbow is caused by light bent in water drops. It shows a band of colours in the sky.",
    "Bread": "Bread is a food made of flour and water. Yeast makes the dough rise before baking.",
    "Chess": "Chess is a board game for two players. Each player begins with 16 pieces.",
    "Ozone": "Ozone is a gas of three oxygen atoms. It absorbs most of the ultraviolet light of the Sun.",
}


@pytest.fixture(scope="session")
def corpus() -> list[Passage]:
    return [
        Passage(str(row), title, "", text, article_url(title)) for row, (title, text) in enumerate(_ARTICLES.items())
    ]


@pytest.fixture(scope="session")
def tiny_encoder() -> Encoder:
    """A random RetriBERT of two layers over a real vocabulary of 3,592 tokens."""
    import torch

    from retriever import RetriBertConfig, RetriBertModel, RetriBertTokenizerFast

    torch.manual_seed(0)
    vocabulary = Path(__file__).parent / "fixtures/retribert/vocab.txt"
    tokenizer = RetriBertTokenizerFast(vocab_file=str(vocabulary), model_max_length=64)
    config = RetriBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        projection_dim=128,
        pooling="mean",
        normalize=True,
    )
    return Encoder(RetriBertModel(config), tokenizer, identity="tiny", name="tiny random RetriBERT")


@pytest.fixture(scope="session")
def tiny_index(corpus: list[Passage], tiny_encoder: Encoder) -> PassageIndex:
    vectors = tiny_encoder.encode_passages([passage.text for passage in corpus])
    return PassageIndex.build(corpus, vectors, tiny_encoder.name, tiny_encoder.identity, "twelve passages")


@pytest.fixture(scope="session")
def tiny_retriever(tiny_encoder: Encoder, tiny_index: PassageIndex) -> Retriever:
    return Retriever(tiny_encoder, tiny_index)


@pytest.fixture(scope="session")
def write_index(tiny_encoder: Encoder) -> Callable[..., Path]:
    """Writes an index folder as the command does, but for its note of how it was built.

    Of passages, by an encoder: the tiny one where none is given.
    """
    from data.sources import open_source
    from retriever.building.build import build
    from retriever.building.plan import Options

    def write(folder: Path, passages: list[Passage], encoder: Encoder = tiny_encoder) -> Path:
        source = folder.with_suffix(".jsonl")
        names = {"id": "id", "article_title": "title", "section_title": "section", "passage_text": "text", "url": "url"}
        rows = [{column: getattr(passage, name) for column, name in names.items()} for passage in passages]
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        settings = {"words": 100, "columns": {}, "split": "train", "shard_rows": 100, "titles": False, "threads": 1}
        index = {"kind": "flat", "recall": 0.95, "bm25": "no", "store": ""}
        build(open_source(str(source)), folder, lambda: encoder, settings, index, Options(10**9))
        (folder / "build.json").unlink()
        return folder

    return write


@pytest.fixture
def tiny_qa(tiny_retriever: Retriever) -> LongFormQA:
    return LongFormQA(tiny_retriever)


@pytest.fixture(scope="session")
def tiny_seq2seq(corpus: list[Passage], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random checkpoint of a family: "bart", "t5" or "led"."""

    @cache
    def folder(family: str) -> Path:
        path = tmp_path_factory.mktemp(family)
        pieces = _byte_level_bpe(corpus)
        pieces.save_pretrained(path)
        _random_seq2seq(family, len(pieces)).save_pretrained(path)
        return path

    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium (Debian's package; another path can be given in the variable CHROMIUM)."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        pytest.fail(f"no Chromium at {path}: install Debian's package chromium, or set CHROMIUM to its path")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


def _byte_level_bpe(corpus: list[Passage]) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on the twelve passages."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        [passage.text for passage in corpus], vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>"]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def _random_seq2seq(family: str, vocabulary: int) -> PreTrainedModel:
    import torch
    from transformers import (
        BartConfig,
        BartForConditionalGeneration,
        LEDConfig,
        LEDForConditionalGeneration,
        T5Config,
        T5ForConditionalGeneration,
    )

    torch.manual_seed(0)
    common = {"vocab_size": vocabulary, "pad_token_id": 1, "eos_token_id": 2}
    if family == "t5":
        sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
        return T5ForConditionalGeneration(T5Config(**common, **sizes, decoder_start_token_id=1))
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    sizes |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    common |= {"bos_token_id": 0, "decoder_start_token_id": 2, "forced_eos_token_id": None}
    if family == "bart":
        return BartForConditionalGeneration(BartConfig(**common, **sizes, max_position_embeddings=96))
    positions = {"max_encoder_position_embeddings": 256, "max_decoder_position_embeddings": 96}
    return LEDForConditionalGeneration(LEDConfig(**common, **sizes, **positions, attention_window=[8]))


@pytest.fixture(scope="session")
def tiny_fused() -> tuple:
    """A random stack of two layers and a byte-level tokenizer with the control tokens of the chat form."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    from generator.modeling_fused import FusedConfig, Stack

    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġ("]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ġ", "(")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in ("<|im_start|>", "<|im_end|>")])
    torch.manual_seed(0)
    config = FusedConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=48,
        layers=2,
        heads=4,
        key_value_heads=2,
    )
    stack = Stack(config)
    torch.nn.init.normal_(stack.embeddings.weight, std=0.1)
    return stack.requires_grad_(False).eval(), tokenizer


@pytest.fixture(scope="session")
def tiny_reader() -> Reader:
    """The support model's reader on a random BERT of six layers."""
    import torch
    from transformers import BertConfig, BertModel

    from generator.support.reading import Rarity, Reader
    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

    torch.manual_seed(0)
    vocabulary = Path(__file__).parent / "fixtures/retribert/vocab.txt"
    tokenizer = RetriBertTokenizerFast(vocab_file=str(vocabulary), model_max_length=512)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=64,
    )
    return Reader(BertModel(config, add_pooling_layer=False), tokenizer, Rarity(100, {"water": 30, "sea": 9}))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, tiny_encoder) -> Path:
    """A folder with the tiny random RetriBERT, which other processes can load."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny_encoder.model.save_pretrained(folder)
    tiny_encoder.tokenizer.save_pretrained(folder)
    return folder
