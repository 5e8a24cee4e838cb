from generator.support.words import Words


def test_names_numbers_and_denials():
    words = Words("The Moon is not 384,400 km from Mars, nor seven; it isn't.")
    assert words.names == {"moon", "mar"}
    assert words.numbers == {"384400", "7"}
    assert words.negations == 3


def test_content_words_are_stems_without_function_words():
    assert Words("The tides of the sea are large, and the sea is larger.").content == ["tid", "sea", "larg"]


def test_a_text_of_another_script_has_words_too():
    assert Words("Луна — спутник Земли").tokens == ["Луна", "спутник", "Земли"]
    assert Words("…!?").tokens == [] and Words("").content == []
