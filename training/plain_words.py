"""Makes the list of common words that any answer may use, from the written answers of the question set.

python -m training.plain_words
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import re
import sys
from collections import Counter
from collections.abc import Iterable

from data.questions import load_questions
from generator.sources import PLAIN_WORDS

# A word is common when at least so many of the written answers have it.
_COMMON_FROM = 20
_NUMBER_WORDS = frozenset(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands "
    "million millions billion billions trillion dozen dozens second third fourth fifth sixth seventh eighth ninth "
    "tenth half quarter twice thrice".split()
)


def common_words(answers: Iterable[str], least: int = _COMMON_FROM) -> list[str]:
    """The small-lettered words that at least so many answers have, number words left out, in alphabetical order.

    >>> common_words(["The sea has two tides.", "The sea is salt."], least=2)
    ['sea']
    """
    counts: Counter[str] = Counter()
    for answer in answers:
        counts.update(set(re.findall(r"(?<![\w'’-])[a-z]+(?:['’][a-z]+)?(?![\w-])", answer)))
    return sorted(word for word, count in counts.items() if count >= least and word not in _NUMBER_WORDS)


def main() -> int:
    """Make `plain_words.txt` anew from the written answers."""
    words = common_words(item.answer for split in ("close", "train") for item in load_questions(split))
    PLAIN_WORDS.write_text("\n".join(words) + "\n", encoding="utf-8")
    sys.stderr.write(f"wrote {len(words):,} words to {PLAIN_WORDS}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
