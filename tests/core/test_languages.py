import pytest

from core.languages import language_of


@pytest.mark.parametrize(
    ("language", "texts"),
    {
        "English": ["Why is the sky blue?", "how do vaccines work", "What happens to a body in space?"],
        "German": ["Warum ist der Himmel blau?", "Wie funktioniert eine Impfung und was macht sie?"],
        "French": ["Pourquoi est-ce que le ciel est bleu ?", "Comment les avions peuvent-ils voler dans les airs ?"],
        "Spanish": ["¿Por qué el cielo es azul?", "¿Cómo se hace el chocolate y de dónde viene?"],
        "Italian": ["Perché il cielo è di colore blu?", "Come si fa il vino con le uve?"],
        "Dutch": ["Waarom is de lucht blauw en niet groen?"],
        "Japanese": ["空はなぜ青いのですか", "DNAとは何ですか"],
        "Chinese": ["天空为什么是蓝色的"],
        "Korean": ["하늘은 왜 파란가요"],
        "Hindi": ["आसमान नीला क्यों होता है"],
        "": ["photosynthesis", "", "42?", "Einstein Relativität", "qwerty asdf"],
    }.items(),
)
def test_the_language_is_told_where_it_is_sure(language, texts):
    assert [language_of(text) for text in texts] == [language] * len(texts)


def test_cyrillic_is_told_by_its_letters():
    assert "Cyrillic" in language_of("Почему небо голубое?")
