import random

import pytest

from core.json_lines import json_lines
from core.texts import TextError, mended, parse_json, path_text, read_text


def test_a_text_is_read_without_its_mark(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        (tmp_path / "a.txt").write_text("Té\n", encoding=encoding)
        assert read_text(tmp_path / "a.txt") == "Té\n"


def test_another_encoding_is_refused_with_the_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("Tea\nCafé\n".encode("latin-1"))
    with pytest.raises(TextError, match=r'line 2: not UTF-8 text \(byte 0xE9 after "Caf"\): save'):
        read_text(tmp_path / "a.txt")


def test_mended_names_and_values():
    assert parse_json('{"a\\ud83d": ["\\u0000", {"b": "\\ud83d\\ude00"}]}') == (
        {"a\ufffd": ["\ufffd", {"b": "😀"}]},
        True,
    )
    assert parse_json('{"a": "\\u00e9"}') == ({"a": "é"}, False)


def test_any_text_can_be_written_once_mended():
    rng = random.Random(3)
    for _ in range(500):
        text = "".join(
            chr(rng.choice([0, 65, 0xD83D, 0xDE00, 0xDFFF, 0x1F600, 0xE9])) for _ in range(rng.randint(0, 12))
        )
        assert mended(mended(text).encode().decode()) == mended(text)


@pytest.mark.parametrize(
    "line", ["[" * 200_000, '{"a": Infinity}', "9" * 9000, '{"a": 1', "caf\udce9", '{"a": "\x01"}']
)
def test_what_cannot_be_taken_is_said_in_a_line(line):
    with pytest.raises(TextError, match="not JSON") as caught:
        parse_json(line)
    assert len(str(caught.value)) < 200


def test_a_file_of_lines_goes_through_the_gate(tmp_path, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"a": "x"}\n{"a": "cut \\ud83d"}\n{"a": NaN}\n', encoding="utf-8")
    rows = json_lines(path, KeyError, "; mend it")
    assert [next(rows)[1], next(rows)[1]] == [{"a": "x"}, {"a": "cut \ufffd"}]
    assert "a.jsonl, line 2" in caplog.text
    with pytest.raises(KeyError, match=r"a\.jsonl, line 3: not JSON \(NaN is no number.*; mend it"):
        next(rows)


def test_a_path_that_is_no_utf8_can_be_shown():
    assert path_text("b\udce9.txt").encode() == "b\ufffd.txt".encode()
