import json

from benchmarks import sentences


def test_ours_takes_part_and_gets_as_many_right_as_the_docs_say():
    cases = json.loads(sentences._CASES.read_text(encoding="utf-8"))
    assert sentences.right(sentences.splitters()["ours"], cases).total() == 144 and len(cases) == 147


def test_a_splitter_is_timed():
    assert sentences.speed(lambda text, language: text.split("."), ["One. Two."] * 3000) > 0
