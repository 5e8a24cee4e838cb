"""What visitors say of answers: checked records, appended to a JSONL file, one line whole or not at all.

Many processes may append to one file: each holds a lock while it writes, and a line that a killed process left half
written is moved aside, into a file of its own that ends in ".torn", before the next one is added. A file that holds
something else is never touched. With a token and a dataset's name the file also goes to the Hugging
Face Hub every five minutes. It knows records and files; it does not know Gradio.

Three environment variables: LFQA_RATINGS, the file; LFQA_RATINGS_DATASET, a dataset such as "me/lfqa-ratings", which
needs HF_TOKEN with the right to write to it.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.errors import UserError
from core.files import at_home
from core.texts import TextError, as_given, mended, open_text, parse_json

log = logging.getLogger(__name__)

SCORES = ("factual", "complete", "clear", "grounded")
WENT_WRONG = ("nothing", "retrieval", "generation", "both", "the question")
VOTES = ("a", "b", "tie", "both bad")
LONGEST_REASON = 2000
_KINDS = ("rating", "vote")
_MINUTES = 5
_LONGEST_LINE = 16 << 20  # bytes; a record is some thousands of them


class FeedbackError(UserError):
    """A rating or vote cannot be taken as it stands; the message says why and what to do."""


def rating(
    answer: Mapping[str, Any],
    scores: Mapping[str, object],
    went_wrong: str = "",
    reason: str = "",
    helpful: bool | None = None,
) -> dict[str, Any]:
    """The record of a rating.

    Args:
        answer: the answer's JSON object with its "run", so that the run can be repeated.
        scores: some of `SCORES`, each 1 to 5; None for one that was left out.
        went_wrong: one of `WENT_WRONG`, or "".
        reason: in the visitor's words, up to `LONGEST_REASON` characters.
        helpful: whether the answer helped; None where that was not said.

    Raises:
        FeedbackError: a score, the cause, the reason or `helpful` is not what it may be, or nothing was rated.
    """
    given = {name: _score(name, value) for name, value in scores.items() if value not in (None, "")}
    if not isinstance(helpful, bool | None):
        raise FeedbackError(f"Whether it helped is {as_given(helpful)}; allowed are true and false.")
    if not given and helpful is None:
        raise FeedbackError(f"Nothing is rated yet: choose 1 to 5 for at least one of {', '.join(SCORES)}.")
    if went_wrong and went_wrong not in WENT_WRONG:
        raise FeedbackError(f"What went wrong is {as_given(went_wrong)}; allowed are {', '.join(WENT_WRONG)}.")
    if not isinstance(reason, str):
        raise FeedbackError(f"The reason is {as_given(reason)}; give a text of up to {LONGEST_REASON:,} characters.")
    if len(reason) > LONGEST_REASON:
        raise FeedbackError(f"The reason has {len(reason):,} characters; at most {LONGEST_REASON:,} are allowed.")
    record = {"scores": given, "went_wrong": went_wrong, "reason": mended(reason.strip()), "answer": dict(answer)}
    return _stamped("rating") | record | ({} if helpful is None else {"helpful": helpful})


def vote(answers: Mapping[str, Mapping[str, Any]], order: str, winner: str) -> dict[str, Any]:
    """The record of a blind comparison.

    Args:
        answers: "a" and "b" → the answers' JSON objects.
        order: "ab" or "ba": which of them stood first.
        winner: one of `VOTES`.

    Raises:
        FeedbackError: there is no such vote.
    """
    if winner not in VOTES:
        raise FeedbackError(f"The vote is {as_given(winner)}; allowed are {', '.join(VOTES)}.")
    return _stamped("vote") | {
        "winner": winner,
        "order": order,
        "answers": {name: dict(answers[name]) for name in "ab"},
    }


def _score(name: str, value: Any) -> int:  # noqa: ANN401 — from a browser or a client, checked here
    """A whole number from 1 to 5."""
    if name not in SCORES:
        raise FeedbackError(f"There is no score called {as_given(name)}; allowed are {', '.join(SCORES)}.")
    if isinstance(value, bool) or value not in (1, 2, 3, 4, 5):
        raise FeedbackError(f"The score for {name} is {as_given(value)}; allowed are 1, 2, 3, 4 and 5.")
    return int(value)


def _stamped(kind: str) -> dict[str, Any]:
    """A record's head: its kind, its own id and the time in UTC."""
    return {"kind": kind, "id": uuid.uuid4().hex, "time": datetime.now(UTC).isoformat(timespec="seconds")}


class StoreError(Exception):
    """Records cannot be kept in the file that is named for them; for the operator, not for visitors."""


class FeedbackStore:
    """An append-only JSONL file of records."""

    def __init__(self, path: Path, outer_lock: AbstractContextManager[Any] | None = None) -> None:
        """Name the file; it and its folder are made at the first record.

        Args:
            path: the file.
            outer_lock: held around every write, such as the lock of an uploader of the folder.
        """
        self.path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._lock = FileLock(self._lock_path)
        self._outer_lock = outer_lock or nullcontext()

    def check(self) -> None:
        """See that the file is one of records, or may become one; nothing is changed.

        Raises:
            StoreError: it is somebody else's file, or none.
            OSError: it cannot be read.
        """
        cure = "name another with LFQA_RATINGS"
        for path in (self.path, self._lock_path):
            if path.is_symlink() or path.exists():
                if not path.is_file():
                    raise StoreError(f"ratings cannot go to {self.path}: {path} is no regular file; {cure}")
        # The lock is emptied by whoever takes it, so it must be one.
        if self._lock_path.exists() and self._lock_path.stat().st_size:
            raise StoreError(f"ratings cannot go to {self.path}: {self._lock_path} is somebody else's file; {cure}")
        if self.path.exists():
            with self.path.open("rb") as file:
                first = file.readline(_LONGEST_LINE)
            if first and not (_is_record(first) or _begins_record(first)):
                raise StoreError(f"{self.path} holds something else than ratings and stays as it is; {cure}")

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record; when this returns, it is on the disk.

        Raises:
            StoreError: the file is somebody else's.
            OSError: the file cannot be written.
        """
        line = (mended(json.dumps(record, ensure_ascii=False)) + "\n").encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.check()
        with self._outer_lock, self._lock, self.path.open("ab+", buffering=0) as file:
            end = self._mend_end(file.fileno())
            try:
                left = memoryview(line)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                # A full disk: what was not stored is not there in part either.
                with suppress(OSError):
                    os.ftruncate(file.fileno(), end)
                raise

    def _mend_end(self, file: int) -> int:
        """See that the file ends with a line end: a whole record gets its own, another piece is kept aside.

        Returns:
            The file's size, in bytes.
        """
        size = os.fstat(file).st_size
        start = _last_line(file, size)
        if start == size:
            return size
        tail = os.pread(file, size - start, start)
        if _is_record(tail):
            return size + os.write(file, b"\n")
        # The piece of a line whose writer was killed; it was never acknowledged, but somebody's words may be in it.
        with self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex[:8]}.torn").open("xb") as aside:
            aside.write(tail)
            aside.flush()
            os.fsync(aside.fileno())
        os.ftruncate(file, start)
        return start


def _last_line(file: int, size: int) -> int:
    """Where what follows the last line end of a file begins."""
    end, step = size, 1 << 16
    while end > 0:
        start = max(0, end - step)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _is_record(line: bytes) -> bool:
    """Whether a line is a whole record."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("kind") in _KINDS


def _begins_record(piece: bytes) -> bool:
    """Whether a piece of a line is how a record of ours begins."""
    starts = [b'{"kind": "%s"' % kind.encode() for kind in _KINDS]
    return not piece.endswith(b"\n") and any(piece.startswith(start) or start.startswith(piece) for start in starts)


def read_records(path: Path, whole: bool = False) -> Iterator[dict[str, Any]]:
    """The records of a file in order; an unfinished last line is left out.

    Args:
        path: of the file.
        whole: whether each must have all that ratings and votes are summed up by.

    Raises:
        FeedbackError: a line is no whole record; file and line are named.
        OSError: the file cannot be read.
    """
    with open_text(path, newline="\n") as file:
        number = 0
        try:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    record, _ = parse_json(line)
                except TextError as error:
                    if not line.endswith("\n"):
                        return
                    raise FeedbackError(f"{path}, line {number}: {error}") from error
                if not isinstance(record, dict) or record.get("kind") not in _KINDS:
                    raise FeedbackError(f'{path}, line {number}: no record of a rating or vote ("kind" is missing)')
                if whole and (lacking := _lacking(record)):
                    raise FeedbackError(f'{path}, line {number}: the {record["kind"]} has no right "{lacking}"')
                yield record
        except UnicodeDecodeError as error:
            raise FeedbackError(f"{path}, line {number + 1}: neither UTF-8 nor UTF-16 text") from error


def _lacking(record: Mapping[str, Any]) -> str:
    """The field of a record that is missing or not what `rating` and `vote` write; "" where it is whole."""
    if record["kind"] == "vote":
        answers = record.get("answers")
        if not isinstance(answers, dict) or not all(_is_answer(answers.get(side)) for side in "ab"):
            return "answers"
        return "" if record.get("winner") in VOTES else "winner"
    scores = record.get("scores")
    if not isinstance(scores, dict) or not all(
        name in SCORES and type(value) is int and 1 <= value <= 5 for name, value in scores.items()
    ):
        return "scores"
    if record.get("went_wrong") not in ("", *WENT_WRONG):
        return "went_wrong"
    return "" if _is_answer(record.get("answer")) else "answer"


def _is_answer(value: object) -> bool:
    """Whether a value is the object of an answer, as far as it is summed up."""
    if not isinstance(value, dict) or not isinstance(settings := value.get("settings"), dict):
        return False
    sentences = value.get("sentences", [])
    return {"generator", "retrieval", "passages"} <= set(settings) and (
        isinstance(sentences, list)
        and all(isinstance(part, dict) and isinstance(part.get("label", ""), str) for part in sentences)
    )


def ratings_path() -> Path:
    """Where ratings are kept: LFQA_RATINGS, or a file in the user's data folder."""
    if chosen := os.environ.get("LFQA_RATINGS"):
        return at_home(chosen, "LFQA_RATINGS")
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "long-form-qa" / "ratings.jsonl"


def open_store(say: Callable[[str], None] = log.info) -> FeedbackStore:
    """The store that the environment asks for: a local file, or one that is uploaded to a dataset as well.

    Args:
        say: is told where ratings go.

    Raises:
        StoreError: the local file is somebody else's.
        OSError: the local file cannot be read.
    """
    dataset, token, path = os.environ.get("LFQA_RATINGS_DATASET"), os.environ.get("HF_TOKEN"), ratings_path()
    if dataset and token:
        try:
            store = _uploaded_store(dataset, token, path.parent / "upload")
            say(f"Ratings go to {store.path} and every {_MINUTES} minutes to the dataset {dataset}.")
            return store
        except Exception as error:  # the hub may be out of reach: ratings must not be lost for that
            log.warning("ratings stay on this machine: the dataset %s cannot be used (%s)", dataset, error)
    elif dataset:
        log.warning("ratings stay on this machine: LFQA_RATINGS_DATASET is set, but HF_TOKEN is not")
    store = FeedbackStore(path)
    store.check()
    say(f"Ratings go to {path}.")
    return store


def _uploaded_store(dataset: str, token: str, folder: Path) -> FeedbackStore:
    """A file of this process in a folder that a scheduler uploads to a private dataset."""
    from huggingface_hub import CommitScheduler

    folder.mkdir(parents=True, exist_ok=True)
    scheduler = CommitScheduler(
        repo_id=dataset,
        repo_type="dataset",
        folder_path=folder,
        path_in_repo="ratings",
        every=_MINUTES,
        private=True,
        token=token,
        allow_patterns="*.jsonl",
    )
    return FeedbackStore(folder / f"ratings-{uuid.uuid4().hex}.jsonl", scheduler.lock)
