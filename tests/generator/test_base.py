import pytest

from core.errors import SettingsError
from core.settings import DESCRIPTIONS, Settings
from generator.base import GeneratorError
from generator.registry import Parts, load_generator


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("decoding", "magic"),
        ("beams", 0),
        ("beams", 17),
        ("temperature", 0),
        ("temperature", float("nan")),
        ("top_p", 1.01),
        ("top_p", 0),
        ("min_words", -1),
        ("max_words", 4),
        ("repetition_penalty", 0.9),
        ("no_repeat_ngram", -1),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(setting, value):
    noun = DESCRIPTIONS[setting].noun
    with pytest.raises(SettingsError, match=rf"{noun or setting} is .*allowed"):
        Settings(**{"min_words": 0, setting: value})


def test_a_shortest_answer_longer_than_the_longest_is_refused():
    with pytest.raises(SettingsError, match=r"50 words.*20 words"):
        Settings(min_words=50, max_words=20)


def test_an_unknown_generator_is_refused_with_the_known_ones(tiny_retriever):
    with pytest.raises(GeneratorError, match=r"(?s)no-such-model.*extractive.*fused"):
        load_generator("no-such-model-anywhere", Parts(tiny_retriever))
