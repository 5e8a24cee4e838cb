"""What an answer may be made of, on a byte-level vocabulary and on SmolLM2's own."""

import pytest

from data.assets import asset_path, cache_folder
from generator.sources import Sources

TEXTS = [
    "Tide: Tides are caused by the Moon, 384,400 km away; the Sun's pull (about 46%) is weaker. Newton wrote in 1687."
]
QUESTION = "Why does the sea rise?"


@pytest.fixture(scope="module")
def smollm2_tokenizer():
    from generator.gguf_checkpoint import load_gguf

    tokenizer = load_gguf(asset_path("smollm2"), cache_folder() / "fused")[1]
    tokenizer.encode_special_tokens = True
    return tokenizer


def first_refused(tokenizer, answer: str) -> str:
    """The answer up to the first token that is not allowed; "" when all are."""
    sources = Sources(tokenizer, QUESTION, TEXTS)
    ids = tokenizer.encode(answer, add_special_tokens=False).ids
    for place, token in enumerate(ids):
        if not sources.allowed(ids[:place])[token]:
            return tokenizer.decode(ids[: place + 1])
    return ""


@pytest.fixture(params=["tiny", pytest.param("smollm2", marks=pytest.mark.assets)])
def tokenizer(request):
    if request.param == "smollm2":
        return request.getfixturevalue("smollm2_tokenizer")
    return request.getfixturevalue("tiny_fused")[1]


@pytest.mark.parametrize(
    "answer",
    [
        "The tide is caused by the Moon, which is 384,400 km away.",
        "Newton wrote about it in 1687. The Sun's pull is weaker (46%).",
        "Rising seas: the Moon pulls, and the Sun, too.",
    ],
)
def test_words_of_the_sources_and_common_words_are_allowed(tokenizer, answer):
    assert first_refused(tokenizer, answer) == ""


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("Kepler wrote it.", "Kepler"),
        ("It was in 1688.", " 1688"),
        ("The Moon is 384,401 km away.", " 384,401"),
        ("It was in 16870.", " 16870"),
        ("The Jupiter is far.", " Jupiter"),
        ("It is an oscillation.", " oscillation"),
    ],
)
def test_other_names_numbers_and_rare_words_are_refused(tokenizer, answer, refused):
    said = first_refused(tokenizer, answer)
    assert said and len(said) <= answer.index(refused.strip()) + len(refused.strip())


def test_a_common_word_is_not_a_name_inside_a_sentence(tokenizer):
    assert first_refused(tokenizer, "Also the Moon.") == ""
    assert first_refused(tokenizer, "It is Also") != ""
