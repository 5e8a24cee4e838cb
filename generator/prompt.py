"""What a model reads: one function decides which passages fit, and the prompts of each family are laid out here.

It knows words and token counts, no models. Passages that do not fit whole are cut at the end of a sentence, or of a
word where not even one sentence fits; those after them are not read, so that the evidence shown is what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.records import Found, Retrieved
from core.sentences import split_sentences

# Fewer words than this of a passage say nothing.
_FEWEST_WORDS = 8

# Prompts of sequence-to-sequence families, by `model_type`. BART and LED checkpoints for this task were trained on
# "question: … context: <P> …" (Jernite 2020, https://yjernite.github.io/lfqa.html); T5 on labelled fields without <P>.
_PASSAGE_MARKS = {"bart": "<P> ", "led": "<P> ", "mbart": "<P> "}

FUSED_INSTRUCTION = (
    "You answer questions in one short paragraph of plain words. Begin with the answer. "
    "Use only facts from the passages."
)


def fit_passages(
    retrieved: Retrieved, cost: Callable[[Sequence[Found]], int], budget: int, longest: int | None = None
) -> Retrieved:
    """Decide what a model reads of the passages, best first.

    Args:
        retrieved: passages in the order in which they are read.
        cost: passages as they are read → tokens of the model's whole input.
        budget: the most tokens that the input may have.
        longest: the most tokens that a single passage's text may add; None for no such limit.

    Returns:
        The same, each passage read whole, cut or not read.
    """
    read: list[Found] = []
    full = False
    for part in retrieved.found:
        own = part.passage.text
        if longest is not None:
            title = cost([part.as_read("")])
            own = _cut(own, lambda text: cost([part.as_read(text)]) <= longest + title)  # noqa: B023 - used at once
        text = "" if full else _cut(own, lambda text: cost([*read, part.as_read(text)]) <= budget)  # noqa: B023
        # Once the input is full, later passages are left out even if a short one would fit: better ones come first.
        full = full or text != own
        read.append(part.as_read(text))
    return replace(retrieved, found=tuple(read))


def _cut(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning of a text that fits; "" when too little does."""
    if not text or fits(text):
        return text
    sentences = split_sentences(text)
    count = _most(len(sentences), lambda number: fits(" ".join(sentences[:number])))
    if count:
        return " ".join(sentences[:count])
    words = text.split()
    count = _most(len(words), lambda number: fits(" ".join(words[:number])))
    return " ".join(words[:count]) if count >= _FEWEST_WORDS else ""


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `count` that fits, 0 when not even 1 does.

    >>> _most(10, lambda number: number <= 7)
    7
    """
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def seq2seq_prompt(question: str, texts: Sequence[str], model_type: str) -> str:
    """The input of a sequence-to-sequence checkpoint, in the form that its family was trained on.

    >>> seq2seq_prompt("Why?", ["One.", "Two."], "bart")
    'question: Why? context: <P> One. <P> Two.'
    >>> seq2seq_prompt("Why?", ["One.", "Two."], "t5")
    'question: Why? context: One. Two.'
    """
    mark = _PASSAGE_MARKS.get(model_type, "")
    return f"question: {question} context: {' '.join(mark + text for text in texts)}".rstrip()


def fused_passage(title: str, text: str) -> str:
    r"""How the fused encoder reads one passage.

    >>> fused_passage("Tide", "Tides are the rise of the sea.")
    'Tide: Tides are the rise of the sea.\n'
    """
    return f"{title}: {text}\n"
