"""Both tokenizers against ids made by the published ones, and through folders on disk."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

import retriever.modeling_retribert  # noqa: F401 (registers "retribert")
from retriever.configuration_retribert import RetriBertConfig
from retriever.tokenization_retribert import BasicTokenizer, RetriBertTokenizer, WordPieceTokenizer
from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

FIXTURES = Path(__file__).parents[1] / "fixtures" / "retribert"
VOCAB = FIXTURES / "vocab.txt"
REFERENCE = json.loads((FIXTURES / "tokens.json").read_text(encoding="utf-8"))
CLASSES = {"slow": RetriBertTokenizer, "fast": RetriBertTokenizerFast}
OPTIONS = [(kind, name) for kind in CLASSES for name, value in REFERENCE[kind].items() if "arguments" in value]
TEXT = "Hello, wörld! 北京 isn't [MASK] unaffable"

both = pytest.mark.parametrize("kind", CLASSES)


def expected_ids(kind: str, name: str) -> list[str]:
    base, ids = REFERENCE[kind]["default"]["ids"], REFERENCE[kind][name]["ids"]
    return ids if name == "default" else [ids.get(str(row), base[row]) for row in range(len(base))]


@pytest.mark.parametrize(("kind", "name"), OPTIONS)
def test_ids_are_those_of_the_published_tokenizer(kind, name):
    tokenizer = CLASSES[kind](VOCAB, **REFERENCE[kind][name]["arguments"])
    assert len(REFERENCE["strings"]) >= 300
    for text, expected in zip(REFERENCE["strings"], expected_ids(kind, name), strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert " ".join(map(str, ids)) == expected, ascii(text)


@both
def test_pair_batch_and_text_are_those_of_the_published_tokenizer(kind):
    tokenizer, reference = CLASSES[kind](VOCAB), REFERENCE[kind]
    pair = tokenizer(
        "Why is the sky blue?",
        "Because of scattering, it's said.",
        return_token_type_ids=True,
        return_special_tokens_mask=True,
    )
    assert dict(pair) == reference["pair"]
    batch = tokenizer(
        ["a b c d e f", "the sky"], ["one two three four", "x"], padding=True, truncation=True, max_length=9
    )
    assert dict(batch) == reference["batch"]
    ids = reference["decoded"]["ids"]
    assert tokenizer("Hello, world! It's unaffable [MASK] ok.")["input_ids"] == ids
    assert tokenizer.decode(ids) == reference["decoded"]["text"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == reference["decoded"]["plain"]
    assert tokenizer.convert_tokens_to_string(tokenizer.convert_ids_to_tokens(ids)) == reference["decoded"]["string"]


@both
def test_gives_only_ids_and_mask_unless_asked(kind):
    tokenizer = CLASSES[kind](VOCAB)
    assert list(tokenizer("the sky")) == ["input_ids", "attention_mask"]
    assert set(tokenizer("the sky", return_token_type_ids=True)) == {"input_ids", "attention_mask", "token_type_ids"}


@both
def test_sequences_of_ids(kind):
    tokenizer = CLASSES[kind](VOCAB)
    cls, sep = tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    assert tokenizer.build_inputs_with_special_tokens([7, 8]) == [cls, 7, 8, sep]
    assert tokenizer.build_inputs_with_special_tokens([7, 8], [9]) == [cls, 7, 8, sep, 9, sep]
    assert tokenizer.create_token_type_ids_from_sequences([7, 8]) == [0, 0, 0, 0]
    assert tokenizer.create_token_type_ids_from_sequences([7, 8], [9]) == [0, 0, 0, 0, 1, 1]
    assert tokenizer.get_special_tokens_mask([7, 8]) == [1, 0, 0, 1]
    assert tokenizer.get_special_tokens_mask([7, 8], [9]) == [1, 0, 0, 1, 0, 1]
    assert tokenizer.get_special_tokens_mask([cls, 7, sep], already_has_special_tokens=True) == [1, 0, 1]
    with pytest.raises(ValueError, match="second sequence"):
        tokenizer.get_special_tokens_mask([cls, 7, sep], [9], already_has_special_tokens=True)


@both
@pytest.mark.parametrize("arguments", [{}, {"do_lower_case": False}, {"strip_accents": False, "model_max_length": 6}])
def test_round_trip_through_a_folder(kind, arguments, tmp_path):
    tokenizer = CLASSES[kind](VOCAB, **arguments)
    tokenizer.save_pretrained(tmp_path)
    RetriBertConfig().save_pretrained(tmp_path)
    expected = tokenizer(TEXT, truncation=True)["input_ids"]
    same, other = CLASSES[kind], CLASSES["fast" if kind == "slow" else "slow"]
    for loaded in (same.from_pretrained(tmp_path), other.from_pretrained(tmp_path)):
        assert loaded(TEXT, truncation=True)["input_ids"] == expected
    automatic = AutoTokenizer.from_pretrained(tmp_path)
    assert type(automatic) is RetriBertTokenizerFast
    assert automatic(TEXT, truncation=True)["input_ids"] == expected


def test_slow_only_options_round_trip(tmp_path):
    RetriBertTokenizer(VOCAB, never_split={"foo-bar"}, tokenize_chinese_chars=False).save_pretrained(tmp_path / "a")
    loaded = RetriBertTokenizer.from_pretrained(tmp_path / "a")
    assert loaded.tokenize("a foo-bar") == ["a", "foo-bar"]
    RetriBertTokenizer(VOCAB, do_basic_tokenize=False).save_pretrained(tmp_path / "b")
    assert RetriBertTokenizer.from_pretrained(tmp_path / "b").tokenize("the, the") == ["the", "##,", "the"]


def test_folder_with_a_vocabulary_and_no_settings(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(VOCAB.read_bytes())
    RetriBertConfig().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert type(tokenizer) is RetriBertTokenizerFast
    assert tokenizer(TEXT)["input_ids"] == RetriBertTokenizerFast(VOCAB)(TEXT)["input_ids"]


def test_folder_of_the_hub_with_a_vocabulary_only(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(VOCAB.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true, "model_max_length": 512}')
    RetriBertConfig().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert (type(tokenizer), tokenizer.model_max_length) == (RetriBertTokenizerFast, 512)
    expected = expected_ids("fast", "default")
    assert [" ".join(map(str, tokenizer.encode(s, add_special_tokens=False))) for s in REFERENCE["strings"]] == expected


@both
def test_saved_vocabulary_is_the_one_read(kind, tmp_path):
    (path,) = CLASSES[kind](VOCAB).save_vocabulary(tmp_path, "small")
    assert Path(path) == tmp_path / "small-vocab.txt"
    assert Path(path).read_text(encoding="utf-8") == VOCAB.read_text(encoding="utf-8")


@both
def test_added_tokens_are_found_in_any_case(kind, tmp_path):
    tokenizer = CLASSES[kind](VOCAB)
    size = len(tokenizer)
    assert tokenizer.add_tokens(["NewWord"]) == 1
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["[Q]"]}) == 1
    assert len(tokenizer) == size + 2
    ids = tokenizer("[Q] the newword NEWWORD", add_special_tokens=False)["input_ids"]
    the = tokenizer.convert_tokens_to_ids("the")
    assert ids == [size + 1, the, size, size]
    tokenizer.save_pretrained(tmp_path)
    for loaded in (CLASSES[kind].from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert loaded("[Q] the newword NEWWORD", add_special_tokens=False)["input_ids"] == ids


@both
def test_other_special_tokens(kind, tmp_path):
    tokenizer = CLASSES[kind](VOCAB, cls_token="[START]", sep_token="[END]", mask_token="[MASK]")
    ids = tokenizer("the")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["[START]", "the", "[END]"]
    tokenizer.save_pretrained(tmp_path)
    assert CLASSES[kind].from_pretrained(tmp_path)("the")["input_ids"] == ids


def test_a_control_character_does_not_make_a_special_token():
    for kind, tokenizer_class in CLASSES.items():
        tokens = tokenizer_class(VOCAB, do_lower_case=False).tokenize("[C\x00LS] [SE\u200bP]")
        assert not {"[CLS]", "[SEP]"} & set(tokens), kind


def test_never_split_words_are_compared_in_lower_case_unless_case_is_kept():
    # The published tokenizer lowers the whole text first: then no word of it has capitals.
    words = ["Übermensch", "u.s.a."]
    lowering = RetriBertTokenizer(VOCAB, never_split=words)
    assert lowering.tokenize("U.S.A.") == ["u.s.a."]
    assert "Übermensch" not in lowering.tokenize("Übermensch")
    assert RetriBertTokenizer(VOCAB, never_split=words, do_lower_case=False).tokenize("Übermensch") == ["Übermensch"]


def test_split_special_tokens_takes_them_as_text():
    tokens = RetriBertTokenizer(VOCAB).tokenize("[CLS]", split_special_tokens=True)
    assert "[CLS]" not in tokens


def test_options_of_the_fast_tokenizer(tmp_path):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n__able\na\x07b\nab\n", encoding="utf-8")
    tokenizer = RetriBertTokenizerFast(vocabulary, wordpieces_prefix="__", clean_text=False)
    assert tokenizer.tokenize("unable a\x07b") == ["un", "__able", "a\x07b"]
    assert tokenizer.decode(tokenizer("unable", add_special_tokens=False)["input_ids"]) == "unable"
    tokenizer.save_pretrained(tmp_path / "saved")
    loaded = RetriBertTokenizerFast.from_pretrained(tmp_path / "saved")
    assert loaded.tokenize("unable a\x07b") == ["un", "__able", "a\x07b"]
    assert RetriBertTokenizerFast(vocabulary).tokenize("a\x07b") == ["ab"]
    with pytest.raises(ValueError, match="need RetriBertTokenizerFast"):
        RetriBertTokenizer.from_pretrained(tmp_path / "saved")


def test_fast_tokenizer_from_a_tokenizer_file(tmp_path):
    RetriBertTokenizerFast(VOCAB).save_pretrained(tmp_path)
    tokenizer = RetriBertTokenizerFast(tokenizer_file=tmp_path / "tokenizer.json")
    assert tokenizer(TEXT)["input_ids"] == RetriBertTokenizerFast(VOCAB)(TEXT)["input_ids"]
    cased = RetriBertTokenizerFast.from_pretrained(tmp_path, do_lower_case=False)
    assert cased("THE")["input_ids"] == RetriBertTokenizerFast(VOCAB, do_lower_case=False)("THE")["input_ids"]


@both
def test_missing_and_broken_files_are_named(kind, tmp_path):
    with pytest.raises(ValueError, match="no vocabulary file .*nothing.txt"):
        CLASSES[kind](tmp_path / "nothing.txt")
    with pytest.raises(ValueError, match="no vocabulary file"):
        CLASSES[kind]()
    (tmp_path / "vocab.txt").write_bytes(b"the\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"vocab\.txt is not a UTF-8"):
        CLASSES[kind](tmp_path / "vocab.txt")


def test_broken_tokenizer_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no tokenizer file"):
        RetriBertTokenizerFast(tokenizer_file=tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="is not a file of the tokenizers library"):
        RetriBertTokenizerFast(tokenizer_file=tmp_path / "tokenizer.json")


def test_vocabulary_with_a_repeated_line_is_not_saved(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nthe\nsky\n")
    tokenizer = RetriBertTokenizer(tmp_path / "vocab.txt")
    assert tokenizer.convert_tokens_to_ids("sky") == 7
    with pytest.raises(ValueError, match="7 tokens but ids up to 7"):
        tokenizer.save_vocabulary(tmp_path)


def test_word_of_a_hundred_characters_is_the_longest_spelled():
    tokenizer = WordPieceTokenizer({"a": 0, "##a": 1}, "[UNK]")
    assert tokenizer.tokenize("a" * 100) == ["a"] + ["##a"] * 99
    assert tokenizer.tokenize("a" * 101) == ["[UNK]"]


def test_basic_tokenizer_keeps_nothing_of_an_empty_text():
    assert BasicTokenizer().tokenize(" \t\x00\u0301 ") == []
