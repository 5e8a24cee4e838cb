"""Holding an answer to its sources: which tokens may come next.

A small model that retells passages welds them: it puts a name or a number where none was read. So names, numbers and
rare words may only come from the question and the passages read; common words (`plain_words.txt`, those frequent in
the written answers of the question set) may come from anywhere. It knows tokens and words, no model.

`python -m training.plain_words` makes the list of common words anew.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

PLAIN_WORDS = Path(__file__).with_name("plain_words.txt")
# Marks after which a word may stand without a space before it.
_OPENERS = ("-", "–", "—", "/", "(", "[", '"', "“", "‘", "'", "$", "£", "€")
_ENDERS = (".", "!", "?")
_MARK = re.compile(r"""^ ?[-–—/()\[\]"“”‘’'.,;:!?%$£€°&]{1,3}$|^['’]s$""")
_BARE = re.compile(r"""^[^\w$£€]+|[^\w%°]+$""")


@dataclass
class _Node:
    """A place in the tree of allowed words' tokens: what may follow, and whether a word may end here."""

    next: dict[int, _Node] = field(default_factory=dict)
    ends: bool = False

    def add(self, tokens: Sequence[int]) -> None:
        node = self
        for token in tokens:
            node = node.next.setdefault(token, _Node())
        node.ends = True


@dataclass(frozen=True)
class _State:
    """Where writing is: inside these words, or between words, where a new one may begin in some ways."""

    inside: tuple[_Node, ...] = ()
    between: bool = True
    bare: bool = True
    opening: bool = True


class Sources:
    """What an answer to one question may be made of."""

    def __init__(self, tokenizer: Tokenizer, question: str, texts: Sequence[str]) -> None:
        """Take up the words of the question and of the texts read.

        Args:
            tokenizer: byte-level, with spaces at the beginning of words.
            question: as asked.
            texts: what was read, titles included.
        """
        self._plain = _plain_words(tokenizer)
        self._spaced, self._bare, self._openings = _Node(), _Node(), _Node()
        for word in _variants(words for text in (question, *texts) for words in text.split()):
            self._spaced.add(_ids(tokenizer, f" {word}"))
            self._bare.add(_ids(tokenizer, word))
            self._openings.add(_ids(tokenizer, _capitalised(word)))
            self._openings.add(_ids(tokenizer, f" {_capitalised(word)}"))
        self._states: dict[tuple[int, ...], _State] = {(): _State()}
        self._masks: dict[tuple[bool, bool], Tensor] = {}
        self._size = tokenizer.get_vocab_size()

    def allowed(self, written: Sequence[int]) -> Tensor:
        """Which tokens may come next, bool (vocabulary,); whether the answer may end is not decided here."""
        import torch

        state = self._state(tuple(written))
        inside = [token for node in state.inside for token in node.next]
        if state.between or any(node.ends for node in state.inside):
            allowed = self._beginnings(state.between and state.bare, state.between and state.opening).clone()
        else:
            allowed = torch.zeros(self._size, dtype=torch.bool)
        allowed[inside] = True
        return allowed

    def _beginnings(self, bare: bool, opening: bool) -> Tensor:
        """Which tokens are a mark or begin a word, bool (vocabulary,)."""
        import torch

        if (bare, opening) not in self._masks:
            mask = torch.zeros(self._size, dtype=torch.bool)
            mask[list(self._plain.marks)] = True
            for root in self._roots(bare, opening):
                mask[list(root.next)] = True
            self._masks[bare, opening] = mask
        return self._masks[bare, opening]

    def _state(self, written: tuple[int, ...]) -> _State:
        """The state after these tokens; each is worked out once."""
        known = len(written)
        while written[:known] not in self._states:
            known -= 1
        state = self._states[written[:known]]
        for place in range(known, len(written)):
            state = self._states[written[: place + 1]] = self._after(state, written[place])
        return state

    def _roots(self, bare: bool, opening: bool) -> list[_Node]:
        """The trees in which a new word may begin."""
        roots = [self._spaced, self._plain.spaced]
        roots += [self._bare, self._plain.bare] if bare else []
        return roots + ([self._openings, self._plain.openings] if opening else [])

    def _after(self, state: _State, token: int) -> _State:
        """The state once a token is written."""
        inside = [node.next[token] for node in state.inside if token in node.next]
        ended = state.between or any(node.ends for node in state.inside)
        if ended:
            roots = self._roots(state.between and state.bare, state.between and state.opening)
            inside += [root.next[token] for root in roots if token in root.next]
        mark = self._plain.marks.get(token) if ended else None
        if mark is None:
            return _State(tuple(inside), between=False, bare=False, opening=False)
        opening = mark.endswith(_ENDERS) or (state.opening and mark.endswith(_OPENERS)) or mark[-1] in "\"”'’"
        return _State(tuple(inside), between=True, bare=mark.endswith(_OPENERS), opening=opening)


@dataclass(frozen=True)
class _Plain:
    """Common words in the three ways that they may stand, and marks by their tokens; the same for every question."""

    spaced: _Node
    bare: _Node
    openings: _Node
    marks: dict[int, str]


@functools.lru_cache(maxsize=2)
def _plain_words(tokenizer: Tokenizer) -> _Plain:
    """The trees of the common words for a tokenizer."""
    plain = _Plain(_Node(), _Node(), _Node(), {})
    for word in PLAIN_WORDS.read_text(encoding="utf-8").split():
        plain.spaced.add(_ids(tokenizer, f" {word}"))
        plain.bare.add(_ids(tokenizer, word))
        plain.openings.add(_ids(tokenizer, _capitalised(word)))
        plain.openings.add(_ids(tokenizer, f" {_capitalised(word)}"))
    for token in range(tokenizer.get_vocab_size()):
        text = tokenizer.decode([token])
        if _MARK.match(text):
            plain.marks[token] = text
    return plain


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:]


def _variants(words: Iterable[str]) -> set[str]:
    """Words without the marks around them, whole and in their parts, begun small, and in their usual endings.

    >>> sorted(_variants(["(1990–1995),"]))
    ['1990', '1990–1995', '1995']
    >>> {"Tides", "tides", "tide"} <= _variants(["Tides"])
    True
    """
    variants = set()
    for word in words:
        bare = _BARE.sub("", word)
        for part in {bare, bare.rstrip("%°"), *re.split(r"[-–—/]|['’]s$", bare)}:
            small = part[:1].lower() + part[1:]
            variants |= {part, *(_endings(small) if small.isalpha() and small.islower() else ())}
    return variants - {""}


def _endings(word: str) -> set[str]:
    """A word with and without the endings of plurals and verbs; simple rules, which also make words that are none.

    >>> {"carry", "carried", "carrying"} <= _endings("carries")
    True
    >>> sorted(_endings("bend"))
    ['bend', 'bended', 'bending', 'bends']
    """
    stems = {word}
    for ending, end in (("ies", "y"), ("ied", "y"), ("es", "e"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e")):
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            stems.add(word.removesuffix(ending) + end)
    if word.endswith("ing") and len(word) >= 6:
        stems |= {word[:-3], word[:-3] + "e"}
    return stems | {form for stem in stems for form in _forms(stem)}


def _forms(stem: str) -> set[str]:
    """The plural or third person, the past and the -ing of a word without an ending."""
    if len(stem) > 2 and stem[-1] == "y" and stem[-2] not in "aeiou":
        return {stem[:-1] + "ies", stem[:-1] + "ied", stem + "ing"}
    if stem.endswith("e"):
        return {stem + "s", stem + "d", stem[:-1] + "ing"}
    return {stem + ("es" if stem.endswith(("s", "x", "z", "ch", "sh")) else "s"), stem + "ed", stem + "ing"}
