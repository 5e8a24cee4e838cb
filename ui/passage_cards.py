"""The evidence as HTML: a card a passage, with its relevance, and the supporting sentences marked; the used ones first.

It knows answers and HTML; it does not know Gradio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.records import Answer, Found, Passage, Retrieved, Sentence
from ui.markup import escape, is_wikipedia, plural, safe_url, waiting


def passages_empty(text: str = "The passages will be listed here.") -> str:
    """The passages' place before there are any."""
    return f'<section class="passages empty">{waiting(text)}</section>'


def passages(answer: Answer) -> str:
    """The passage cards in the order of the search; once the answer is traced, those that it uses, then the others."""
    if not answer.found:
        if answer.stage == "retrieving":
            return passages_empty("Looking for passages…")
        return passages_empty("No passages were retrieved: the answer comes from the model alone.")
    supports = {part.rank: _supports(part.rank, answer.sentences) for part in answer.found}
    done = answer.stage == "done" and bool(answer.sentences)
    cards = {part.rank: _card(part, answer, supports[part.rank], done) for part in answer.found}
    used = [card for rank, card in cards.items() if supports[rank]]
    count = plural(len(cards), "passage")
    if not done or not used:
        heading = f"{count} found, none used" if done else f"{count} found"
        # What does not answer the question is there for who wants to see it; that is known before it is shown.
        closed = answer.confidence is not None and answer.holds == "no"
        return _section(heading, "".join(cards.values()), closed)
    unused = [card for rank, card in cards.items() if not supports[rank]]
    rest = (
        f'<details class="unused"><summary>{len(unused)} more found, not used</summary>{"".join(unused)}</details>'
        if unused
        else ""
    )
    return _section(f"{plural(len(used), 'source')} used", "".join(used) + rest)


def more_passages(question: str, found: Sequence[Found], score_name: str) -> str:
    """The cards of passages that were searched for after the answer; nothing where there are none."""
    if not found:
        return ""
    later = Answer(Retrieved(question, tuple(found), None, score_name), stage="done")
    return _section("Found later, not read for this answer", "".join(_card(part, later, {}, True) for part in found))


def _section(heading: str, cards: str, closed: bool = False) -> str:
    name = "passages closed" if closed else "passages"
    return f'<section class="{name}" aria-label="{escape(heading)}"><h2>{escape(heading)}</h2>{cards}</section>'


def _supports(passage: int, sentences: Sequence[Sentence]) -> dict[str, list[int]]:
    """The sentences of one passage that stand behind the answer → numbers of the answer's sentences."""
    found: dict[str, list[int]] = {}
    for number, sentence in enumerate(sentences, 1):
        if sentence.passage == passage and sentence.evidence:
            found.setdefault(sentence.evidence, []).append(number)
    return found


def _card(found: Found, answer: Answer, supports: Mapping[str, list[int]], done: bool) -> str:
    """One passage: number, article and section, relevance with its bar, whether it is used, and the text."""
    passage, number = found.passage, found.rank
    scale = max(1.0, *(part.score for part in answer.found))
    name = escape(passage.title) + (
        f' <span class="section">› {escape(passage.section)}</span>' if passage.section else ""
    )
    backs = sorted({sentence for numbers in supports.values() for sentence in numbers})
    use = f"used: {_listed(backs)}" if backs else "not used" if done else ""
    state = "used" if backs else "spare"
    kept = '<span class="kept">from the answer before</span>' if found.kept else ""
    return (
        f'<details class="card {state}" id="passage-{number}" data-passage="{number}">'
        f'<summary><span class="number">{number}</span><span class="title">{name}</span>'
        f'<span class="measures">{_score(found.score, answer.retrieved.score_name, scale)}'
        f'<span class="use">{use}</span>{kept}</span></summary>'
        f'<div class="body"><p>{_marked(found, supports)}</p>{_source(passage, name)}'
        f'<p class="how">{_how(found, answer.retrieved.score_name)}</p></div></details>'
    )


_READ = {
    "read": "The generator read all of it.",
    "cut": "The generator read its beginning.",
    "not read": "The generator did not read it.",
}


def _how(found: Found, score_name: str) -> str:
    """How the relevance came about, and how much was read."""
    formula = f"Relevance {found.score:.3f}: {escape(score_name)}. " if score_name else ""
    return formula + _READ[found.status]


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
    """The raw score, and a bar of its share of `scale` (1, or the best score where that is more)."""
    if not name:
        return '<span class="score">not searched for</span>'
    share = min(1.0, max(0.0, score / scale))
    of = "1" if scale == 1 else f"the best score here, {scale:.3f}"
    return (
        f'<span class="score">relevance <b>{score:.2f}</b></span>'
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
