"""The settings of a question, each described once: its default, its range, its words and its place on the page.

The command line, the sidebar, links, the API and the run card are derived from this. A new setting is one line of
`Settings` and its use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any, Literal

from core.errors import SettingsError
from core.texts import as_given, mended

METHODS = ("dense", "sparse", "mixed", "none", "random")
DECODINGS = ("opening", "greedy", "beams", "sampling")
WORDINGS = ("close", "own")
VOCABULARIES = ("sources", "free")
UNSUPPORTED_WAYS = ("keep", "mark", "drop")
MOST_PASSAGES = 20
LARGEST_SEED = 2**63 - 1
_LONGEST_NAME = 1000  # characters of a generator's or an index's name

Control = Literal["dropdown", "radio", "slider", "number", "generator", "index"]


@dataclass(frozen=True)
class Description:
    """What is known of a setting besides its default.

    Attributes:
        label: beside its control.
        help: one line, for the command line, the API and the control.
        noun: what messages call it; "" for its name.
        choices: the texts that are allowed; none where any is.
        low: the least number allowed.
        high: the largest.
        above: whether `low` itself is not allowed.
        control: how the page shows it.
        slider: the control's own (low, high, step), where not every allowed number is to be offered.
        folded: whether it stands among what is seldom changed.
    """

    label: str
    help: str
    noun: str = ""
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    above: bool = False
    control: Control = "number"
    slider: tuple[float, float, float] | None = None
    folded: bool = False

    @property
    def is_name(self) -> bool:
        """Whether it is the name of something that this program does not know by itself, so that any may be right."""
        return self.control in ("generator", "index")

    @property
    def allowed(self) -> str:
        """The choices or the range in words: "are dense, sparse" or "is 1 to 20"."""
        if self.choices:
            return f"are {', '.join(self.choices)}"
        return f"is {'above ' if self.above else ''}{_plain(self.low)} to {_plain(self.high)}"

    def allows(self, value: Any) -> bool:  # noqa: ANN401 - text or number
        """Whether a value of the right type is within the choices or the range."""
        if self.choices:
            return value in self.choices
        return self.low < value <= self.high if self.above else self.low <= value <= self.high


def _plain(number: float) -> str:
    return as_given(number) if isinstance(number, int) else f"{number:g}"


def _setting(default: Any, label: str, help: str, **description: Any) -> Any:  # noqa: ANN401 - any setting's
    """A field of `Settings` with its description."""
    return field(default=default, metadata={"description": Description(label, help, **description)})


@dataclass(frozen=True)
class Settings:
    """How a question is answered. `describe` tells of each setting what it means and what is allowed."""

    retrieval: str = _setting(
        "mixed", "Retrieval",
        "dense: by meaning; sparse: by words (BM25); mixed: both; none and random: to see what evidence adds",
        choices=METHODS, control="dropdown",
    )  # fmt: skip
    passages: int = _setting(
        4, "Number of passages", "how many passages to find",
        noun="the number of passages", low=1, high=MOST_PASSAGES, control="slider",
    )  # fmt: skip
    generator: str = _setting(
        "fused", "Generator",
        "extractive quotes; fused writes an opening; writer writes (491 MB more); or a checkpoint's name or folder",
        noun="the generator", control="generator",
    )  # fmt: skip
    unsupported: str = _setting(
        "mark", "What the passages do not support",
        "keep: every answer stays; mark: where the passages don't hold the answer, or support nothing of it, that is "
        "told instead; drop: such sentences are left out, too",
        choices=UNSUPPORTED_WAYS, control="radio", folded=True,
    )  # fmt: skip
    decoding: str = _setting(
        "opening", "Decoding",
        "opening: the first sentence is written, the others quoted (of fused only, greedy elsewhere); greedy, beams "
        "or sampling (Holtzman et al. 2020)",
        choices=DECODINGS, control="radio",
    )  # fmt: skip
    beams: int = _setting(
        4, "Beams", "number of beams; used by beams", noun="the number of beams", low=1, high=16, control="slider"
    )
    temperature: float = _setting(
        0.7, "Temperature", "used by sampling",
        noun="the temperature", low=0, high=5, above=True, control="slider", slider=(0.05, 2.0, 0.05),
    )  # fmt: skip
    top_p: float = _setting(
        0.9, "Top-p", "probability mass that sampling keeps",
        noun="top-p", low=0, high=1, above=True, control="slider", slider=(0.05, 1.0, 0.05),
    )  # fmt: skip
    min_words: int = _setting(
        40, "Shortest answer, in words", "no end is written before it", noun="the shortest answer", low=0, high=1000
    )
    max_words: int = _setting(
        120, "Longest answer, in words", "the answer ends with the last whole sentence within it",
        noun="the longest answer", low=5, high=1000,
    )  # fmt: skip
    repetition_penalty: float = _setting(
        1.0, "Repetition penalty", "above 1, tokens already written become less likely (Keskar et al. 2019)",
        noun="the repetition penalty", low=1, high=2, control="slider", slider=(1.0, 2.0, 0.05),
    )  # fmt: skip
    wording: str = _setting(
        "close", "Wording", "close to the passages, or the model's own, freer and less true; used by fused",
        choices=WORDINGS, control="radio", folded=True,
    )  # fmt: skip
    vocabulary: str = _setting(
        "sources", "Names and numbers of fused",
        "sources: only those that the passages or the question have; free: any; used by fused",
        choices=VOCABULARIES, control="radio", folded=True,
    )  # fmt: skip
    no_repeat_ngram: int = _setting(
        6, "Tokens in a row that may not repeat", "no stretch of so many tokens occurs twice; 0 switches it off",
        noun="the number of tokens that may not repeat", low=0, high=100, folded=True,
    )  # fmt: skip
    seed: int = _setting(0, "Seed", "the same seed repeats a sampled answer", noun="the seed", low=0, high=LARGEST_SEED)
    index: str = _setting(
        "", "What is read", "which of the offered indexes is searched, the first where none is named; a live wiki gets "
        "the words of the question",
        noun="the index", control="index", folded=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            SettingsError: naming the setting, its value and what is allowed.
        """
        for name, about in DESCRIPTIONS.items():
            value = getattr(self, name)
            if not about.is_name and not about.allows(value):
                given = as_given(value) if about.choices or not isinstance(value, (int, float)) else _plain(value)
                raise SettingsError(f"{about.noun or name} is {given}; allowed {about.allowed}")
        if self.min_words > self.max_words:
            raise SettingsError(
                f"the shortest answer ({self.min_words} words) is longer than the longest ({self.max_words} words)"
            )

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from a browser's or an API call's values by name; what is not named is at its default.

        Raises:
            SettingsError: a value is missing, no number, or out of range; the setting is named.
        """
        return cls(**{name: _parsed(name, value) for name, value in values.items()})

    def to_json(self) -> dict[str, Any]:
        """One flat dictionary of everything needed to repeat the run."""
        return asdict(self)

    def changed(self, always: tuple[str, ...] = ("retrieval", "passages", "generator")) -> dict[str, Any]:
        """The settings that are not at their default, and those that are always named so that it means the same later.

        >>> Settings(passages=2).changed()
        {'retrieval': 'mixed', 'passages': 2, 'generator': 'fused'}
        """
        default = Settings().to_json()
        return {name: value for name, value in self.to_json().items() if name in always or value != default[name]}


def _description(setting: Field[Any]) -> Description:
    return setting.metadata["description"]


DESCRIPTIONS: dict[str, Description] = {setting.name: _description(setting) for setting in fields(Settings)}
DEFAULTS: dict[str, Any] = {setting.name: setting.default for setting in fields(Settings)}


def _text(noun: str, value: Any) -> str:  # noqa: ANN401 - from outside
    """A value as text, "" where there is none.

    Raises:
        SettingsError: it is no text, or as long as no name is.
    """
    if not isinstance(value, str | None) or len(value or "") > _LONGEST_NAME:
        raise SettingsError(f"{noun} is {as_given(value)}; give a text of up to {_LONGEST_NAME:,} characters")
    return mended(value or "").strip()


def _parsed(name: str, value: Any) -> Any:  # noqa: ANN401 - from outside, checked here
    """A value as the type of its setting.

    Raises:
        SettingsError: it is empty, or no number where one is wanted.
    """
    about, default = DESCRIPTIONS[name], DEFAULTS[name]
    noun = about.noun or name
    if isinstance(default, str):
        text = _text(noun, value)
        if not text and about.control == "generator":
            raise SettingsError(
                "no generator is chosen: pick extractive, fused or writer, or type a checkpoint's name or folder"
            )
        return text
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
    except OverflowError:  # a number of hundreds of digits
        number = math.inf
    except (TypeError, ValueError):
        given = "empty" if value in (None, "") else f"{as_given(value)}, which is no number"
        raise SettingsError(f"{noun} is {given}: type a number") from None
    if isinstance(default, float):
        return number
    if not math.isfinite(number) or number != int(number):
        raise SettingsError(f"{noun} is {as_given(value)}: type a whole number")
    # A long seed would lose digits as a float.
    return int(value) if isinstance(value, int) else int(Decimal(str(value)))
