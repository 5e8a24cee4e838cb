"""The API: /ask streams an answer, /retrieve finds passages, /support traces a text to passages, /rate rates an answer.

It knows the system through `LongFormQA` and makes plain JSON; the page's HTML is made elsewhere.
"""

from __future__ import annotations

import inspect
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from core.errors import SettingsError
from core.records import Previous
from core.settings import DEFAULTS, DESCRIPTIONS, MOST_PASSAGES
from core.texts import mended
from qa import LongFormQA
from ui.bounds import LONGEST_TEXT
from ui.controls import CONTROLS, by_name, to_settings
from ui.errors import readable
from ui.feedback import SCORES
from ui.offer import Offer
from ui.rating import Answered, RatingStrip
from ui.runs import Finished, throttled


def ask_endpoint(qa: LongFormQA, finished: Finished, offer: Offer) -> Callable[..., Iterator[dict[str, Any]]]:
    """The function behind /ask; what it answers may be rated."""

    def ask(question: str, *values: object, **named: object) -> Iterator[dict[str, Any]]:
        stop, run = threading.Event(), uuid.uuid4().hex
        try:
            given = by_name(values, (*CONTROLS, _PREVIOUS)[: len(values)]) | named
            previous = _followed(finished, given.pop(_PREVIOUS, ""))
            settings = to_settings(given, offer)
            for answer in throttled(qa.stream(question, settings, stop, previous)):
                result = {"run": run} | answer.to_json()
                if answer.stage == "done":
                    finished.add(run, Answered(result, previous=answer.as_previous()))
                yield result
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None
        finally:
            stop.set()

    return _described(ask, CONTROLS, Iterator[dict[str, Any]], _ASK, {_PREVIOUS: ""})


def _followed(finished: Finished, run: object) -> Previous | None:
    """What a follow-up to a run follows; None where no run is named.

    Raises:
        SettingsError: it is not held.
    """
    if run in ("", None):
        return None
    answered = finished.find(run) if isinstance(run, str) else None
    if answered is None or answered.previous is None:
        raise SettingsError(
            "previous: no answer of this run is held (any more); give the “run” of an answer that /ask has given, or "
            "leave it out"
        )
    return answered.previous


_ASK = """Answer a question from Wikipedia passages; streams the answer as it grows, the last object is the whole.

Args:
    question: 2 to 1,000 characters.
{settings}
    previous: the "run" of an answer that this question follows; "" where it stands alone.

Returns:
    An object with run (its id, for /rate and for what follows it), question, answer, answerable, passages (rank, title,
    section, url, text, score, read), sentences (text, kind, support, label, passage, evidence, from), settings and
    seconds.
"""
_RETRIEVE = """Find Wikipedia passages for a question, best first, without writing an answer.

Args:
    question: 2 to 1,000 characters.
{settings}

Returns:
    One object a passage: rank, title, section, url, text and score.
"""
_PREVIOUS = "previous"
_FINDING = ("retrieval", "passages", "seed", "index")


def _described(
    function: Callable[..., Any],
    names: Sequence[str],
    returns: Any,  # noqa: ANN401
    text: str,
    more: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """A function of a question and of settings by position, with the signature and the words that Gradio reads.

    Args:
        function: takes a question and the values of settings, by position or name.
        names: of those settings, in order.
        returns: the type of what it returns.
        text: its description, in which "{settings}" stands for a line each.
        more: further parameters, behind the settings, with their defaults.
    """
    defaults = DEFAULTS | dict(more or {})
    types = {"question": str} | {name: type(defaults[name]) for name in (*names, *(more or {}))}
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=defaults.get(name, inspect.Parameter.empty),
            annotation=kind,
        )
        for name, kind in types.items()
    ]
    function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
    function.__annotations__ = types | {"return": returns}
    function.__doc__ = text.format(settings="\n".join(f"    {name}: {_line(name)}" for name in names))
    return function


def _line(name: str) -> str:
    """A setting in one line: what it means, and what is allowed."""
    about = DESCRIPTIONS[name]
    return about.help if about.is_name else f"{about.help}; allowed {about.allowed}."


def retrieve_endpoint(qa: LongFormQA, offer: Offer) -> Callable[..., list[dict[str, Any]]]:
    """The function behind /retrieve."""

    def retrieve(question: str, *values: object, **named: object) -> list[dict[str, Any]]:
        try:
            settings = to_settings(by_name(values, _FINDING[: len(values)]) | named, offer)
            rows = [part.to_json() for part in qa.retrieve(question, settings).found]
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None
        return [{key: value for key, value in row.items() if key not in ("read", "status")} for row in rows]

    return _described(retrieve, _FINDING, list[dict[str, Any]], _RETRIEVE)


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
    return [mended(str(answer)), *(mended(str(text)) for text in passages)]


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
    return [mended(title) for title in titles]


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
        helpful: bool | None = None,
    ) -> str:
        """Rate an answer of /ask: whether it helped, scores, or both; each once.

        Args:
            run: the answer's "run".
            factual: is what it says true? 1 (no) to 5 (yes).
            complete: does it answer the whole question? 1 to 5.
            clear: is it easy to follow? 1 to 5.
            grounded: do the passages say so? 1 to 5.
            went_wrong: nothing, retrieval, generation, both or the question; or "".
            reason: in your words, up to 2,000 characters.
            helpful: whether the answer helped; null where that is not said.

        Returns:
            A word of thanks.
        """
        try:
            scores = dict(zip(SCORES, (factual, complete, clear, grounded), strict=True))
            strip.rate(run, scores, went_wrong or "", reason or "", helpful)
        except Exception as error:
            raise gr.Error(readable(error), print_exception=False) from None
        return "Thank you, your rating is stored."

    return rate


def add_endpoints(qa: LongFormQA, strip: RatingStrip, offer: Offer, concurrency_id: str) -> None:
    """Add the endpoints to the page that is being built; what computes shares the page's one place at the model."""
    computing = {
        "ask": ask_endpoint(qa, strip.finished, offer),
        "retrieve": retrieve_endpoint(qa, offer),
        "support": support_endpoint(qa),
    }
    for name, function in computing.items():
        gr.api(function, api_name=name, concurrency_id=concurrency_id, concurrency_limit=1)
    gr.api(rate_endpoint(strip), api_name="rate", queue=False)
