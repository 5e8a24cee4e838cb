"""What a build was asked to do, kept in the folder, so that going on with something else is noticed.

It knows settings and names of files. It does no work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.files import write_json
from core.shapes import read_object, shaped
from retriever.errors import BuildError
from retriever.index_folder import BUILD, FORMAT

_CURE = "begin anew with --restart"


@dataclass(frozen=True)
class Options:
    """How a build is done, not what it ends with.

    Attributes:
        memory: the most memory that the index stage may use, in bytes.
        workers: processes that read the source, or that embed where the engine is Ray.
        engine: "local", "ray", or "ray:ADDRESS".
        restart: begin anew where the folder holds something else.
        add: append the source to a finished index.
        reindex: build the index anew from the vectors that are there.
    """

    memory: int
    workers: int = 1
    engine: str = "local"
    restart: bool = False
    add: bool = False
    reindex: bool = False


@dataclass(frozen=True)
class SourceFacts:
    """A source of a build: what the command line said, its content's fingerprint, and where its shards begin."""

    source: str
    name: str
    fingerprint: str
    licence: str = ""
    first_shard: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a build ends with.

    Attributes:
        model: the encoder: "name", "identity", "dimensions", "encoder" (its folder, "" for the embedded one).
        settings: of passages and vectors: "words", "columns", "split", "shard_rows", "titles", "threads".
        index: of the index: "kind", "recall", "bm25", "store".
        sources: what is read, in order; the last is the one being built or added.
        generation: the number in the names of what the index stage writes.
        reindexed: whether the index stage begins anew although an index is there.
        format: the version of the folder's layout.
    """

    model: dict[str, Any]
    settings: dict[str, Any]
    index: dict[str, Any]
    sources: list[SourceFacts] = field(default_factory=list)
    generation: int = 1
    reindexed: bool = False
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Note the plan in the folder."""
        write_json(folder / BUILD, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Plan | None:
        """The plan of a folder; None where there is none.

        Raises:
            BuildError: there is one that this program cannot read.
        """
        path = folder / BUILD
        if not path.is_file():
            return None
        facts = read_object(path, "plan of a build", BuildError, _CURE)
        try:
            plan = shaped(facts, cls)
            if plan.format != FORMAT:
                raise ValueError(f"layout {plan.format}, this program writes {FORMAT}")
            if not all(isinstance(plan.model.get(name), str) for name in ("name", "identity")):
                raise ValueError("model: name or identity is missing")
        except ValueError as error:
            raise BuildError(f"{path} is damaged or of another version ({error}); {_CURE}") from error
        return plan


def differences(before: Plan, now: Plan) -> list[str]:
    """What a second run wants otherwise than the first, in words, each with both values.

    >>> old = Plan({"name": "a", "identity": "1"}, {"words": 100}, {"kind": "flat"})
    >>> differences(old, Plan(old.model, {"words": 50}, old.index))
    ['words: 100 before, 50 now']
    """
    found = []
    if before.model["identity"] != now.model["identity"]:
        found.append(
            f"model: {before.model['name']} ({before.model['identity'][:12]}) before, "
            f"{now.model['name']} ({now.model['identity'][:12]}) now"
        )
    found += _different(before.settings, now.settings)
    if before.sources and now.sources:
        old, new = before.sources[-1], now.sources[-1]
        if old.source != new.source:
            found.append(f"source: {old.source} before, {new.source} now")
        elif old.fingerprint != new.fingerprint:
            found.append(f"source: the content of {old.source} was changed")
    return found + _different(before.index, now.index)


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Settings with two values."""
    names = [*before, *(name for name in now if name not in before)]
    return [
        f"{name}: {before.get(name)} before, {now.get(name)} now" for name in names if before.get(name) != now.get(name)
    ]
