"""Answers that stand side by side, as HTML: blind, revealed, and the table of what each owes to the passages.

It knows answers and HTML; it does not know Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.overlap import RUN, share_copied
from core.records import Answer, Sentence
from core.settings import Settings
from ui import cards
from ui.markup import escape, waiting

_HEADS = (
    ("words", ""),
    ("copied", f"words in runs of {RUN} or more that a passage it read holds too"),
    ("supported", "sentences supported by the passages that it read"),
    ("by the retrieved", "sentences supported by the retrieved passages, whatever it read"),
    ("shared wording", f"words in runs of {RUN} or more that the answer with retrieved passages holds too"),
)


def panel_empty(title: str, text: str = "") -> str:
    """A panel that waits for its answer."""
    return f'<article class="panel empty"><h3>{escape(title)}</h3>{waiting(text)}</article>'


def blind(title: str, answer: Answer) -> str:
    """An answer without anything that tells who wrote it."""
    text = f'<p class="text">{escape(answer.text)}</p>' if answer.text else waiting("It wrote nothing.")
    return f'<article class="panel"><h3>{escape(title)}</h3>{text}</article>'


def revealed(title: str, answer: Answer, prefix: str, mark: str = "") -> str:
    """An answer with its settings, its sentences' support and its counts.

    Args:
        title: the panel's heading.
        answer: a finished answer.
        prefix: begins the ids inside, which must differ from panel to panel.
        mark: a word beside the heading, such as "your vote".
    """
    marked = f' <span class="mark">{escape(mark)}</span>' if mark else ""
    text = cards.sentences(answer, prefix) or waiting(answer.note or "It wrote nothing.")
    titles = ", ".join(f"{n} {part.passage.title}" for n, part in enumerate(answer.found, 1)) or "none"
    who = f'<p class="who">{escape(described(answer.settings))}</p>'
    return (
        f'<article class="panel"><h3>{escape(title)}{marked}</h3>{who}'
        f'{text}{cards.tally(answer)}<p class="tally">passages: {escape(titles)}</p></article>'
    )


def described(settings: Settings) -> str:
    """The settings that matter most, in a few words.

    >>> described(Settings("mixed", 4, "fused", decoding="greedy"))
    'fused · mixed, 4 passages · greedy'
    """
    found = (
        settings.retrieval if settings.retrieval == "none" else f"{settings.retrieval}, {settings.passages} passages"
    )
    return f"{settings.generator} · {found} · {settings.decoding}"


@dataclass(frozen=True)
class Dependence:
    """What one answer owes to its passages.

    Attributes:
        name: how the passages were chosen, in words.
        answer: the finished answer.
        against_retrieved: its sentences traced to the retrieved passages, whatever it read itself.
    """

    name: str
    answer: Answer
    against_retrieved: Sequence[Sentence]


def dependence_table(rows: Sequence[Dependence]) -> str:
    """The table, and in one sentence what it says; the first row is the answer with retrieved passages."""
    base = rows[0].answer
    return _table(_verdict(rows), [(row.name, _counts(row, base)) for row in rows])


def dependence_empty(names: Sequence[str]) -> str:
    """The table before there are counts, as tall as it will be: what is read meanwhile below it stays where it is."""
    return _table("Counted when all are written.", [(name, ("–",) * len(_HEADS)) for name in names])


def _table(verdict: str, rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """What the table says, and the table: of each row its name and its counts."""
    head = "".join(f'<th scope="col" title="{hint}">{name}</th>' for name, hint in _HEADS)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{count}</td>" for count in counts)}</tr>'
        for name, counts in rows
    )
    return (
        f'<section class="dependence"><p class="verdict">{escape(verdict)}</p><div class="scroll" tabindex="0" '
        f'role="region" aria-label="Comparison"><table><thead><tr><th scope="col">passages</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _counts(row: Dependence, base: Answer) -> tuple[str, ...]:
    """One answer's counts, in the order of the heads."""
    answer = row.answer
    read = [part.text for part in answer.retrieved.read]
    return (
        f"{len(answer.text.split())}",
        f"{share_copied(answer.text, read):.0%}" if read and answer.text else "–",
        _supported(answer.sentences) if read else "–",
        _supported(row.against_retrieved),
        "–" if answer is base else f"{share_copied(answer.text, [base.text]):.0%}",
    )


def _supported(sentences: Sequence[Sentence]) -> str:
    """How many of the sentences are supported; "–" without any."""
    count = sum(sentence.label == "supported" for sentence in sentences)
    return f"{count} of {len(sentences)}" if sentences else "–"


def _verdict(rows: Sequence[Dependence]) -> str:
    """Whether the evidence made a difference, in one sentence of counts."""
    if not rows[0].answer.text:
        return "With its passages the generator wrote nothing, so there is nothing to compare."
    counts = {row.name: _supported(row.against_retrieved).replace("–", "no answer") for row in rows}
    said = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return f"Sentences that the retrieved passages support, by what was read: {said}."
