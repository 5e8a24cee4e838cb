"""The evidence as HTML: a card a passage, with its raw score, what was read of it, and the supporting sentences marked.

It knows answers and HTML; it does not know Gradio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.records import Answer, Found, Passage, Sentence
from ui.markup import escape, is_wikipedia, safe_url, waiting


def passages_empty(text: str = "The passages and their scores will be listed here.") -> str:
    """The passages' place before there are any."""
    return f'<section class="passages empty">{waiting(text)}</section>'


def passages(answer: Answer) -> str:
    """The passage cards in the order of the search, each with its raw score, and marks once the answer is traced."""
    if not answer.found:
        if answer.stage == "retrieving":
            return passages_empty("Looking for passages…")
        return passages_empty("No passages were retrieved: the answer comes from the model alone.")
    scale = max(1.0, *(part.score for part in answer.found))
    cards = "".join(
        _card(number, part, answer.retrieved.score_name, scale, _supports(number, answer.sentences))
        for number, part in enumerate(answer.found, 1)
    )
    measure = f", by {escape(answer.retrieved.score_name)}" if answer.retrieved.score_name else ""
    return (
        f'<section class="passages" aria-label="Passages"><h2>{len(answer.found)} passages'
        f'<span class="measure">{measure}</span></h2>{cards}</section>'
    )


def _supports(passage: int, sentences: Sequence[Sentence]) -> dict[str, list[int]]:
    """The sentences of one passage that stand behind the answer → numbers of the answer's sentences."""
    found: dict[str, list[int]] = {}
    for number, sentence in enumerate(sentences, 1):
        if sentence.passage == passage and sentence.evidence:
            found.setdefault(sentence.evidence, []).append(number)
    return found


def _card(number: int, found: Found, score_name: str, scale: float, supports: Mapping[str, list[int]]) -> str:
    """One passage: number, article and section, score with its bar, how much was read, and the text."""
    passage = found.passage
    name = escape(passage.title) + (
        f' <span class="section">› {escape(passage.section)}</span>' if passage.section else ""
    )
    backs = sorted({sentence for numbers in supports.values() for sentence in numbers})
    backing = f'<span class="backs">backs {_listed(backs)}</span>' if backs else ""
    status_class = found.status.replace(" ", "-")
    kept = '<span class="kept">from the answer before</span>' if found.kept else ""
    return (
        f'<details class="card {status_class}" id="passage-{number}" data-passage="{number}">'
        f'<summary><span class="number">{number}</span><span class="title">{name}</span>'
        f'<span class="measures">{_score(found.score, score_name, scale)}'
        f'<span class="status {status_class}">{escape(found.status)}</span>{kept}{backing}</span></summary>'
        f'<div class="body"><p>{_marked(found, supports)}</p>{_source(passage, name)}</div></details>'
    )


def _source(passage: Passage, name: str) -> str:
    """The link to where the passage stands; nothing for what is no web address."""
    url = safe_url(passage.url)
    if not url:
        return ""
    where = " on Wikipedia" if is_wikipedia(passage.url) else ""
    return f'<p class="source"><a href="{url}" target="_blank" rel="noopener noreferrer">{name}{where} ↗</a></p>'


def _listed(numbers: Sequence[int]) -> str:
    """Sentence numbers in words."""
    return ("sentence " if len(numbers) == 1 else "sentences ") + ", ".join(map(str, numbers))


def _score(score: float, name: str, scale: float) -> str:
    """The raw score with its name, and a bar of its share of `scale` (1, or the best score where that is more)."""
    if not name:
        return '<span class="score">no score</span>'
    share = min(1.0, max(0.0, score / scale))
    of = "1" if scale == 1 else f"the best score here, {scale:.3f}"
    return (
        f'<span class="score">{escape(name)}{" =" if " " in name else ""} <b>{score:.3f}</b></span>'
        f'<span class="bar" title="bar: share of {of}" aria-hidden="true"><i style="width:{share:.1%}"></i></span>'
    )


def _marked(found: Found, supports: Mapping[str, list[int]]) -> str:
    """The whole passage, supporting sentences marked; what the generator did not read of a cut one is set apart."""
    text = found.passage.text
    read = len(found.text) if found.status == "cut" and text.startswith(found.text) else len(text)
    spans = []
    for part, numbers in supports.items():
        at = text.find(part, 0, read)
        if at >= 0:
            spans.append((at, at + len(part), numbers))
    pieces, end = [], 0
    for start, stop, numbers in sorted(spans, key=lambda span: span[:2]):
        if start < end:
            continue
        joined = " ".join(map(str, numbers))
        pieces.append(escape(text[end:start]))
        pieces.append(
            f'<mark data-sentences="{joined}" title="behind {_listed(numbers)} of the answer">'
            f"{escape(text[start:stop])}</mark>{_back(numbers)}"
        )
        end = stop
    pieces.append(escape(text[end:read]))
    if read < len(text):
        pieces.append(f' <span class="unread"><b>[not read:]</b> {escape(text[read:].strip())}</span>')
    return "".join(pieces)


def _back(numbers: Sequence[int]) -> str:
    """Links from a mark back to the sentences of the answer that it supports."""
    links = (
        f'<a class="back" href="#sentence-{number}" data-sentence="{number}" '
        f'aria-label="back to sentence {number} of the answer" title="back to sentence {number}">{number}</a>'
        for number in numbers
    )
    return f'<sup class="backs-to">{"".join(links)}</sup>'
