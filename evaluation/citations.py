"""Citation recall and precision as ALCE has them (Gao et al. 2023, arXiv 2305.14627, section 4), and nuggets found.

What entails is said by a judge that is given: "supported" counts, nothing less. It knows answers, and no files.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from core.records import SUPPORTED, read_texts
from evaluation.answer_metrics import CitedSentence, Item

if TYPE_CHECKING:
    from generator.judging import Judge

Row = dict[str, Any]
# Whether passages, (title, text) each, support a sentence.
Supports = Callable[[str, Sequence[tuple[str, str]]], bool]


def by_judge(judge: Judge) -> Supports:
    """What a judge says of a sentence beside passages."""

    def supports(sentence: str, passages: Sequence[tuple[str, str]]) -> bool:
        found = read_texts([text for _, text in passages], [title for title, _ in passages])
        return bool(passages) and judge.judge([sentence], found)[0].label == SUPPORTED

    return supports


def citation_figures(items: Sequence[Item], supports: Supports) -> Row:
    """Citation recall and precision, means over the answers that say something.

    A sentence is recalled when the passages that it cites support it together; a citation is precise when its sentence
    is recalled and the passage supports it alone, or the others of the sentence don't without it. Sentences that only
    say what the passages lack need no citation and are left out; so are answers of nothing else.

    Args:
        items: the answers, with their sentences and passages.
        supports: the judge.

    Returns:
        "recall", "precision" (0 for an answer without a citation; both None without any answer), "answers",
        "sentences", "citations".
    """
    kept = [(item, said) for item in items if (said := [part for part in item.sentences if not part.lacking])]
    recalls, precisions, citations = [], [], 0
    for item, said in tqdm(kept, desc="citations", unit="answer", leave=False):
        found = [_sentence(part, item.passages, supports) for part in said]
        cited = sum(len(part.cited) for part in said)
        recalls.append(sum(recalled for recalled, _ in found) / len(said))
        precisions.append(sum(precise for _, precise in found) / cited if cited else 0.0)
        citations += cited
    return {
        "recall": round(statistics.fmean(recalls), 4) if recalls else None,
        "precision": round(statistics.fmean(precisions), 4) if precisions else None,
        "answers": len(kept),
        "sentences": sum(len(said) for _, said in kept),
        "citations": citations,
    }


def _sentence(part: CitedSentence, passages: Sequence[tuple[str, str]], supports: Supports) -> tuple[bool, int]:
    """Whether a sentence is recalled, and how many of its citations are precise."""
    cited = [passages[number - 1] for number in part.cited]
    if not cited or not supports(part.text, cited):
        return False, 0
    if len(cited) == 1:
        return True, 1
    alone = [supports(part.text, [passage]) for passage in cited]
    needed = [own or not supports(part.text, [*cited[:place], *cited[place + 1 :]]) for place, own in enumerate(alone)]
    return True, sum(needed)


def nugget_figures(items: Sequence[Item], supports: Supports) -> Row | None:
    """The shares of vital nuggets, and of all, that the answers hold, means over questions; None where none has any.

    Strict, as "V_strict" and "A_strict" of Pradeep et al. 2024 (arXiv 2411.09607): a nugget that is there in part does
    not count.
    """
    vital, every = [], []
    for item in tqdm([item for item in items if item.nuggets], desc="nuggets", unit="answer", leave=False):
        answer = [("", item.answer)] if item.answer.strip() else []
        held = [bool(answer) and supports(nugget.text, answer) for nugget in item.nuggets]
        every.append(sum(held) / len(held))
        own = [said for said, nugget in zip(held, item.nuggets, strict=True) if nugget.vital]
        if own:
            vital.append(sum(own) / len(own))
    if not every:
        return None
    return {
        "vital": round(statistics.fmean(vital), 4) if vital else None,
        "all": round(statistics.fmean(every), 4),
        "questions": len(every),
    }
