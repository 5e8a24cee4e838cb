"""Files of JSON lines."""

import pytest

from core.json_lines import json_lines


def test_values_come_with_their_places(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"a": "\u2028é"}\n\n[1]\n', encoding="utf-8")
    assert list(json_lines(path, ValueError)) == [(f"{path}, line 1", {"a": "\u2028é"}), (f"{path}, line 3", [1])]


def test_a_broken_line_is_named_with_the_cure(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \xff')
    with pytest.raises(KeyError, match=r"some\.jsonl, line 2: not JSON .*; mend it"):
        list(json_lines(path, KeyError, "; mend it"))
