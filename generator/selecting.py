"""The selector's role: which passage sentences answer a question, and how far do the passages hold its answer.

`chosen` turns its judgement into the sentences of one answer: the likeliest, judged anew after each, since what is said
already need not be said again. It knows places and texts, and nothing of models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from core.records import Place, Retrieved, SelectedSentence, Selection, Sentence
from core.sentences import is_complete
from core.settings import Settings
from core.words import leans

# A shorter sentence, or one that begins in small letters, is what a bad cut or a lost formula has left.
_SHORTEST_SENTENCE = 5
_LONGEST_SENTENCE = 70
# A sentence may lean on one that leans itself, not on more.
_MOST_ANTECEDENTS = 2


class Selector(Protocol):
    """Selects passage sentences."""

    def select(self, retrieved: Retrieved, said: Collection[Place] = ()) -> Selection:
        """A question with what was read for it, and what the answer so far rests on → the judgement."""
        ...


@dataclass(frozen=True)
class Room:
    """How long an answer may be.

    Attributes:
        enough: no sentence is begun once it has so many words.
        most: its words at most.
        short: while it has fewer words, `LIKELY_WHILE_SHORT` suffices of a sentence.
    """

    enough: int
    most: int
    short: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Room:
        """The room that settings give an answer."""
        return cls(max(settings.min_words, settings.max_words // 2), settings.max_words, settings.min_words)


# A sentence follows from this probability on, and from the second one while the answer is short; chosen on held-out
# training questions, where answers then have about as many sentences as their evidence (selection/README.md).
LIKELY, LIKELY_WHILE_SHORT = 0.2, 0.12


def chosen(
    selector: Selector, retrieved: Retrieved, room: Room, said: Collection[Place] = (), words: int = 0
) -> Iterator[SelectedSentence]:
    """The passage sentences of an answer, in the order in which they were chosen.

    The likeliest comes even where it is unlikely, unless something was said. One that leans on the sentence before it
    ("It …") comes behind that.

    Args:
        selector: judges.
        retrieved: with what was read, and what the selector says of it before anything is said.
        room: for the whole answer.
        said: what the answer so far rests on.
        words: it has already.
    """
    there = set(said)
    first = retrieved.selection if not there else None
    selection = first or selector.select(retrieved, there)
    at = {sentence.place: sentence for sentence in selection.sentences}
    before = _before(retrieved, at)
    while words < room.enough:
        group, length = _next(selection, at, before, there, room.most - words)
        least = LIKELY if words >= room.short else LIKELY_WHILE_SHORT
        if not group or (there and group[-1].probability < least):
            return
        yield from group
        there |= {sentence.place for sentence in group}
        words += length
        selection = selector.select(retrieved, there)


def _before(retrieved: Retrieved, at: Mapping[Place, SelectedSentence]) -> dict[Place, Place]:
    """The sentence before each, in its passage or at the end of the one found that this goes on from."""
    before = {place: (place[0], place[1] - 1) for place in at if place[1] > 1}
    last = {rank: number for rank, number in sorted(at)}
    for part in retrieved.read:
        for other in retrieved.read:
            # What was cut ends too early.
            if part.rank in last and other.rank in last and other.status == "read":
                if part.passage.continues(other.passage):
                    before[part.rank, 1] = (other.rank, last[other.rank])
    return before


def _next(
    selection: Selection,
    at: Mapping[Place, SelectedSentence],
    before: Mapping[Place, Place],
    there: Collection[Place],
    room: int,
) -> tuple[list[SelectedSentence], int]:
    """The likeliest sentence behind those that it leans on, as far as there is room, and its words; [] for none."""
    for sentence in selection.best(len(selection.sentences)):
        group = _with_antecedents(sentence, at, before, there)
        length = sum(len(part.text.split()) for part in group)
        if group and length <= room and all(is_whole(part.text) for part in group):
            return group, length
    return [], 0


def _with_antecedents(
    sentence: SelectedSentence,
    at: Mapping[Place, SelectedSentence],
    before: Mapping[Place, Place],
    there: Collection[Place],
) -> list[SelectedSentence]:
    """A sentence behind those that it leans on and that are not there; [] when it leans on nothing that can be had."""
    group = [sentence]
    while leans(group[0].text):
        place = before.get(group[0].place)
        if place in there:
            break
        if place is None or len(group) > _MOST_ANTECEDENTS:
            return []
        group.insert(0, at[place])
    return group


def is_whole(sentence: str) -> bool:
    """Whether a piece of a passage is a sentence that can be quoted.

    >>> is_whole("is 1, by convention."), is_whole("Bees live in wooden hives.")
    (False, True)
    """
    first = next((character for character in sentence if character.isalnum()), "")
    length = len(sentence.split())
    return is_complete(sentence) and not first.islower() and _SHORTEST_SENTENCE <= length <= _LONGEST_SENTENCE


def as_read(sentences: Collection[SelectedSentence]) -> list[SelectedSentence]:
    """Sentences in the order in which they are to be read: by passage, that of the first chosen first."""
    ranks = list(dict.fromkeys(sentence.place[0] for sentence in sentences))
    return sorted(sentences, key=lambda sentence: (ranks.index(sentence.place[0]), sentence.place[1]))


def quoted(sentence: SelectedSentence) -> Sentence:
    """A passage sentence as one of an answer."""
    return Sentence(sentence.text, "quoted", (sentence.place,))
