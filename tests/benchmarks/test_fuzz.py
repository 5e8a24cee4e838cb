"""A short run of the fuzzer, the same each time; `python -m benchmarks.fuzz` is the long one."""

import logging

import hypothesis.strategies as st
import pytest

from benchmarks.fuzz import attempt, lines, reading_file, targets
from core.errors import UserError
from qa import LongFormQA
from training.log import read_log
from training.retriever_examples import read_examples

INPUTS = 40


@pytest.fixture
def tried(tmp_path, tiny_retriever):
    logging.disable(logging.CRITICAL)
    training = {
        "examples": (
            lines("question", "answer", "titles", "answerable", "document", "negatives"),
            reading_file(tmp_path / "t.jsonl", lambda path: read_examples(str(path))),
        ),
        "examples of a corpus": (
            lines("question", "titles", "answerable"),
            reading_file(tmp_path / "t.jsonl", lambda path: read_examples(str(path), {"tide": "It rises."})),
        ),
        "a run's record": (
            lines("step", "loss"),
            reading_file(tmp_path / "log.jsonl", lambda path: [row["step"] for row in read_log(path)]),
        ),
    }
    yield targets(tmp_path, LongFormQA(tiny_retriever)) | training
    logging.disable(logging.NOTSET)


def test_every_reader_takes_or_refuses_whatever_comes(tried):
    faults = [attempt(name, made, read, INPUTS, seed=1) for name, (made, read) in tried.items()]
    assert len(faults) > 25 and not [fault for fault in faults if fault]


def test_a_reader_that_fails_is_found_and_one_that_refuses_is_none():
    def fails(value):
        return {}[value]

    def refuses(value):
        raise UserError("no such value")

    assert "KeyError" in attempt("a", st.integers(), fails, INPUTS, seed=1)
    assert attempt("a", st.integers(), refuses, INPUTS, seed=1) == ""
