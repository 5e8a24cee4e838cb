"""The run card: everything that is needed to repeat a run, as a record, a command and HTML.

It knows answers, the index's facts and the versions of the libraries that compute; it does not know Gradio.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.records import Answer
from core.settings import Settings
from ui.markup import escape, waiting

_LIBRARIES = ("torch", "transformers", "faiss-cpu", "bm25s", "numpy", "gradio")


def versions() -> dict[str, str]:
    """Python, the machine's kind and the libraries that have a part in an answer → their versions."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def command(question: str, settings: Settings, index: str = "") -> str:
    """The command line that asks the same index again, "" being the embedded one; what is at its default stays out.

    >>> command("Why?", Settings("dense", 2, "fused"), "my index")
    "python qa.py 'Why?' --retrieval dense --passages 2 --generator fused --index 'my index' --json"
    """
    changed = {name: value for name, value in settings.changed().items() if name != "index"}
    options = [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in changed.items()]
    if index:
        options.append(f"--index {shlex.quote(index)}")
    asked = shlex.quote(question)
    if question.startswith("-"):
        return " ".join(["python qa.py", *options, "--json", "--", asked])
    return " ".join(["python qa.py", asked, *options, "--json"])


def _read_from(card: Mapping[str, Any]) -> str:
    """The index of a card in words."""
    count = f", {card['passages']:,} passages" if card.get("passages") else ""
    return f"{card.get('source', '')}{count}, of {card.get('date', '')}"


def run_card_empty() -> str:
    """The card's place before there is a finished answer."""
    return waiting("After an answer, everything needed to repeat it is listed here.")


def run_card(answer: Answer, card: Mapping[str, Any], run: str) -> str:
    """The card of a finished answer.

    Args:
        answer: the finished answer.
        card: the retriever's facts, see `Corpus.card`.
        run: the run's id.
    """
    read = ", ".join(f"{part.passage.title} ({part.status})" for part in answer.found) or "none"
    rows = {
        "Question": answer.question,
        **({"Asked after": " ".join(previous.questions)} if (previous := answer.retrieved.previous) else {}),
        "Run": run,
        "Read from": _read_from(card),
        "Retriever": str(card.get("model", "")),
        "Score": answer.retrieved.score_name or "none",
        "Passages read": read,
        **{name.replace("_", " ").capitalize(): str(value) for name, value in answer.settings.to_json().items()},
        "Seconds": ", ".join(f"{name} {value:.2f}" for name, value in answer.seconds.items()),
        "Versions": ", ".join(f"{name} {value}" for name, value in versions().items()),
    }
    again = command(answer.question, answer.settings, str(card.get("index", "")))
    table = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items()
    )
    return (
        '<section class="run-card"><h2>To repeat this run</h2>'
        f'<div class="command"><code>{escape(again)}</code>'
        '<button type="button" class="tool" data-tool="command">Copy</button><span class="said" role="status"></span>'
        f"</div><table>{table}</table></section>"
    )
