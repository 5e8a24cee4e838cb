"""The command that prints what the writer makes of questions with given evidence.

    python -m evaluation.writing --questions runs/writer/held_out.jsonl --adapter runs/writer/best --limit 3

Each line of the file is {"question": …, "sentences": [{"facts": [{"title": …, "text": …}]}], "about": [title, …]}: the
facts of each sentence of the answer, none for the one that says what is lacking. "text" of a sentence, where it is
there, is shown beside what is written. Lines of JSON go to the standard output.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.command import Parser, exit_status
from core.json_lines import json_lines
from core.terminal import say, shown_json
from evaluation.errors import EvaluationError
from generator.writer.layout import FORMS, Fact, WriterRequest
from generator.writer.writing import Writer

_EXPECTED = '; expected {"question": …, "sentences": [{"facts": [{"title": …, "text": …}]}], "about": [title, …]}'


def main(arguments: Sequence[str] | None = None) -> int:
    """Write; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    parser = Parser(prog="python -m evaluation.writing", description="Answers from given evidence.")
    add = parser.add_argument
    add("--questions", type=Path, required=True, metavar="FILE", help="JSON lines with questions and facts")
    add("--adapter", type=Path, metavar="DIR", help="what training changed; without: the base alone")
    add("--form", choices=FORMS, default="sentence", help="what is written at a time (default %(default)s)")
    add("--limit", type=int, help="only so many questions")
    given = parser.parse_args(arguments)
    return exit_status(lambda: run(given), "stopped")


def run(given: argparse.Namespace) -> None:
    """Print an answer a line.

    Raises:
        core.errors.UserError: the file, the base or the adapter cannot be read.
    """
    rows = list(read_requests(given.questions, given.form))[: given.limit]
    writer = Writer.load(given.adapter)
    for request, steps, wanted in rows:
        began = time.perf_counter()
        answer = writer.write_answer(request, steps)
        row: dict[str, Any] = {"question": request.question, "answer": answer}
        row |= {"wanted": wanted} if wanted else {}
        row |= {"facts": [fact.text for fact in request.facts], "seconds": round(time.perf_counter() - began, 2)}
        say(shown_json(row, indent=None) + "\n")


def read_requests(path: Path, form: str) -> Iterator[tuple[WriterRequest, tuple[tuple[Fact, ...], ...], str]]:
    """Each line's request, the facts of each of its sentences, and the answer that was wanted.

    Raises:
        EvaluationError: the file is missing, or a line is not of its form.
    """
    if not path.is_file():
        raise EvaluationError(f"there is no file {path}; name one of JSON lines{_EXPECTED}")
    for place, row in json_lines(path, EvaluationError, _EXPECTED):
        try:
            steps = tuple(
                tuple(Fact(str(fact["title"]), str(fact["text"])) for fact in sentence["facts"])
                for sentence in row["sentences"]
            )
            facts = tuple(dict.fromkeys(fact for step in steps for fact in step))
            partly = bool(facts) and not all(steps)
            about = tuple(str(title) for title in row.get("about", ()))
            wanted = " ".join(str(sentence.get("text", "")) for sentence in row["sentences"]).strip()
            request = WriterRequest(
                str(row["question"]),
                facts,
                "paragraph" if form == "paragraph" else "sentence",
                about=about if form == "sentence" or not facts else (),
                partly=partly and form == "paragraph",
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise EvaluationError(f"{place}: {type(error).__name__}: {error}{_EXPECTED}") from error
        yield request, steps, wanted


if __name__ == "__main__":
    sys.exit(main())
