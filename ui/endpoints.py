"""The API: /ask streams an answer, /retrieve finds passages, /support traces a text to passages, /rate rates an answer.

It knows the system through `LongFormQA` and makes plain JSON; the page's HTML is made elsewhere.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from answers import MOST_PASSAGES, AskSettings, Evidence
from generator.base import GenerationSettings, SettingsError
from qa import LongFormQA
from ui.controls import to_settings
from ui.errors import readable
from ui.feedback import SCORES
from ui.rating import Answered, RatingStrip
from ui.runs import Finished, throttled

_WRITING = GenerationSettings()
_ASKING = AskSettings()
LONGEST_TEXT = 4_000  # characters


def ask_endpoint(qa: LongFormQA, finished: Finished) -> Callable[..., Iterator[dict[str, Any]]]:
    """The function behind /ask; what it answers may be rated."""

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
        candidates: int = _ASKING.candidates,
        unsupported: str = _ASKING.unsupported,
        wording: str = _WRITING.wording,
        vocabulary: str = _WRITING.vocabulary,
        no_repeat_ngram: int = _WRITING.no_repeat_ngram,
        copy_bonus: float = _WRITING.copy_bonus,
    ) -> Iterator[dict[str, Any]]:
        """Answer a question from Wikipedia passages; streams the answer as it grows, the last object is the whole.

        Args:
            question: 2 to 1,000 characters.
            retrieval: dense, sparse, mixed, none or random.
            passages: how many passages to find, 1 to 20.
            generator: extractive, fused, or the name or folder of a seq2seq checkpoint.
            decoding: opening or sentences (both of fused only, greedy elsewhere), greedy, beams or sampling.
            beams: number of beams, 1 to 16.
            temperature: of sampling, above 0 to 5.
            top_p: probability mass kept by sampling, above 0 to 1.
            min_words: shortest answer, in words.
            max_words: longest answer, in words.
            repetition_penalty: 1 to 2.
            seed: of sampling.
            candidates: how many answers are written, 1 to 8; the best supported is kept.
            unsupported: what becomes of sentences without support: keep, mark or drop.
            wording: close to the passages, or the model's own; used by fused.
            vocabulary: sources (names and numbers only from question and passages) or free; used by fused.
            no_repeat_ngram: no stretch of so many tokens occurs twice, 0 to 100; 0 switches it off.
            copy_bonus: favours going on with a passage's words, 0 to 10; used by fused.

        Returns:
            An object with run (its id, for /rate), question, answer, answerable, passages (rank, title, section,
            url, text, score, read), sentences (text, support, label, passage, evidence), settings and seconds.
        """
        stop, run = threading.Event(), uuid.uuid4().hex
        try:
            settings = to_settings(
                retrieval, passages, generator, decoding, beams, temperature, top_p, min_words, max_words,
                repetition_penalty, seed, candidates, unsupported, wording, vocabulary, no_repeat_ngram, copy_bonus,
            )  # fmt: skip
            for answer in throttled(qa.stream(question, settings, stop)):
                result = {"run": run} | answer.to_json()
                if answer.stage == "done":
                    finished.add(run, Answered(result))
                yield result
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


def support_endpoint(qa: LongFormQA) -> Callable[..., list[dict[str, Any]]]:
    """The function behind /support."""

    def support(answer: str, passages: list[str], titles: list[str] | None = None) -> list[dict[str, Any]]:
        """Trace each sentence of any text to the passage sentence that best supports it.

        Args:
            answer: the text to check, up to 4,000 characters.
            passages: the texts to check it against, 1 to 20, up to 4,000 characters each.
            titles: of the same passages, if known: what "it" is in their first sentences is clearer with them.

        Returns:
            One object a sentence: text, support (0 to 1), label (supported, partly, not supported), passage (its
            number, from 1, or null) and evidence (the passage's sentence).
        """
        try:
            texts = _texts(answer, passages)
            return [sentence.to_json() for sentence in qa.trace(texts[0], texts[1:], _titles(titles, len(texts) - 1))]
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None

    return support


def _texts(answer: object, passages: object) -> list[str]:
    """The answer and the passages, checked.

    Raises:
        SettingsError: something is missing, no text, or too long.
    """
    if not isinstance(passages, list) or not 1 <= len(passages) <= MOST_PASSAGES:
        given = f"{len(passages)}" if isinstance(passages, list) else f"{type(passages).__name__}, no list"
        raise SettingsError(f"passages: {given} given; give a list of 1 to {MOST_PASSAGES} texts")
    for name, text in [("answer", answer), *((f"passage {n}", text) for n, text in enumerate(passages, 1))]:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
            given = f"{len(text):,} characters" if isinstance(text, str) else type(text).__name__
            raise SettingsError(f"the {name} is {given}; give a text of 1 to {LONGEST_TEXT:,} characters")
    return [str(answer), *map(str, passages)]


def _titles(titles: object, count: int) -> list[str]:
    """The passages' titles, checked; [] when none are given.

    Raises:
        SettingsError: there are not as many as passages, or one is no text or too long.
    """
    if not titles:
        return []
    if not isinstance(titles, list) or len(titles) != count:
        given = len(titles) if isinstance(titles, list) else type(titles).__name__
        raise SettingsError(f"titles: {given} given for {count} passages; give one a passage, or none at all")
    for number, title in enumerate(titles, 1):
        if not isinstance(title, str) or len(title) > LONGEST_TEXT:
            raise SettingsError(f"title {number} is no text of up to {LONGEST_TEXT:,} characters")
    return titles


def rate_endpoint(strip: RatingStrip) -> Callable[..., str]:
    """The function behind /rate."""

    def rate(
        run: str,
        factual: int | None = None,
        complete: int | None = None,
        clear: int | None = None,
        grounded: int | None = None,
        went_wrong: str = "",
        reason: str = "",
    ) -> str:
        """Rate an answer of /ask, once; at least one score is needed.

        Args:
            run: the answer's "run".
            factual: is what it says true? 1 (no) to 5 (yes).
            complete: does it answer the whole question? 1 to 5.
            clear: is it easy to follow? 1 to 5.
            grounded: do the passages say so? 1 to 5.
            went_wrong: nothing, retrieval, generation, both or the question; or "".
            reason: in your words, up to 2,000 characters.

        Returns:
            A word of thanks.
        """
        try:
            scores = dict(zip(SCORES, (factual, complete, clear, grounded), strict=True))
            strip.rate(run, scores, went_wrong or "", reason or "")
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None
        return "Thank you, your rating is stored."

    return rate


def add_endpoints(qa: LongFormQA, strip: RatingStrip, concurrency_id: str) -> None:
    """Add the endpoints to the page that is being built; what computes shares the page's one place at the model."""
    computing = {
        "ask": ask_endpoint(qa, strip.finished),
        "retrieve": retrieve_endpoint(qa),
        "support": support_endpoint(qa),
    }
    for name, function in computing.items():
        gr.api(function, api_name=name, concurrency_id=concurrency_id, concurrency_limit=1)
    gr.api(rate_endpoint(strip), api_name="rate", queue=False)
