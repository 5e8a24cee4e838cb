"""The API: /ask streams an answer as the JSON object of the command line, /retrieve finds passages only.

It knows the system through `LongFormQA` and makes plain JSON; the page's HTML is made elsewhere.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from answers import AskSettings, Evidence, QuestionError
from data.assets import AssetError
from generator.base import GenerationSettings, GeneratorError, SettingsError
from qa import LongFormQA
from ui.controls import to_settings
from ui.runs import throttled

log = logging.getLogger(__name__)

EXPECTED = (QuestionError, SettingsError, GeneratorError, AssetError)
SORRY = "Something went wrong on our side; it was logged. Please try again, or try other settings."
_WRITING = GenerationSettings()
_ASKING = AskSettings()


def readable(error: Exception) -> str:
    """What to tell the visitor: the message of an error that is theirs to mend, else an apology."""
    if isinstance(error, EXPECTED):
        return str(error)
    log.error("unexpected error while answering", exc_info=error)
    return SORRY


def ask_endpoint(qa: LongFormQA) -> Callable[..., Iterator[dict[str, Any]]]:
    """The function behind /ask."""

    def ask(
        question: str,
        retrieval: str = _ASKING.retrieval,
        passages: int = _ASKING.passages,
        generator: str = _ASKING.generator,
        decoding: str = _WRITING.decoding,
        beams: int = _WRITING.beams,
        temperature: float = _WRITING.temperature,
        top_p: float = _WRITING.top_p,
        min_words: int = _WRITING.min_words,
        max_words: int = _WRITING.max_words,
        repetition_penalty: float = _WRITING.repetition_penalty,
        seed: int = _WRITING.seed,
    ) -> Iterator[dict[str, Any]]:
        """Answer a question from Wikipedia passages; streams the answer as it grows, the last object is the whole.

        Args:
            question: 2 to 1,000 characters.
            retrieval: dense, sparse, mixed, none or random.
            passages: how many passages to find, 1 to 20.
            generator: extractive, fused, or the name or folder of a seq2seq checkpoint.
            decoding: greedy, beams or sampling.
            beams: number of beams, 1 to 16.
            temperature: of sampling, above 0 to 5.
            top_p: probability mass kept by sampling, above 0 to 1.
            min_words: shortest answer, in words.
            max_words: longest answer, in words.
            repetition_penalty: 1 to 2.
            seed: of sampling.

        Returns:
            An object with question, answer, answerable, passages (rank, title, section, url, text, score, read),
            sentences (text, support, passage), settings and seconds.
        """
        stop = threading.Event()
        try:
            settings = to_settings(
                retrieval, passages, generator, decoding, beams, temperature, top_p, min_words, max_words,
                repetition_penalty, seed,
            )  # fmt: skip
            for answer in throttled(qa.stream(question, settings, stop)):
                yield answer.to_json()
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None
        finally:
            stop.set()

    return ask


def retrieve_endpoint(qa: LongFormQA) -> Callable[..., list[dict[str, Any]]]:
    """The function behind /retrieve."""

    def retrieve(
        question: str, retrieval: str = _ASKING.retrieval, passages: int = _ASKING.passages, seed: int = _WRITING.seed
    ) -> list[dict[str, Any]]:
        """Find Wikipedia passages for a question, best first, without writing an answer.

        Args:
            question: 2 to 1,000 characters.
            retrieval: dense, sparse, mixed, none or random.
            passages: how many to find, 1 to 20.
            seed: of retrieval "random".

        Returns:
            One object a passage: rank, title, section, url, text and score.
        """
        try:
            settings = AskSettings(retrieval, passages, generation=replace(_WRITING, seed=seed))
            rows = [Evidence(hit).to_json() for hit in qa.retrieve(question, settings)]
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None
        return [{key: value for key, value in row.items() if key not in ("read", "status")} for row in rows]

    return retrieve


def add_endpoints(qa: LongFormQA, concurrency_id: str) -> None:
    """Add both endpoints to the page that is being built; they share the page's one place at the model."""
    for name, function in (("ask", ask_endpoint(qa)), ("retrieve", retrieve_endpoint(qa))):
        gr.api(function, api_name=name, concurrency_id=concurrency_id, concurrency_limit=1)
