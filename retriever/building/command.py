"""The command that builds an index folder and looks after it: `python -m data.build_index`, see there.

It knows arguments. The work is done by the other modules of this package.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.command import Parser, exit_status
from core.terminal import remark, say
from data.sources import KINDS, SourceOptions, open_source
from retriever.building.plan import Options
from retriever.errors import BuildError

SHARD_ROWS = 8_192
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_COLUMNS = ("title", "text", "section", "url", "id")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, verify, describe or push an index.

    Returns:
        The exit status: 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    steps = {"verify": _verify, "info": _info, "push": _push}
    step = steps.get(given[0]) if given else None
    return exit_status(
        lambda: step(given[1:]) if step else _build(given), "stopped; the same command goes on where it was"
    )


def _build(arguments: Sequence[str]) -> int:
    """Build or extend an index."""
    parser = _parser()
    given = parser.parse_args(arguments)
    options = _options(parser, given)
    source = open_source(given.source, _source_options(parser, given))
    from retriever.building.build import build

    try:
        manifest = build(
            source,
            given.output,
            lambda: _load_encoder(given),
            _settings(given),
            _index(given),
            options,
            str(Path(given.encoder).resolve()) if given.encoder else "",
        )
    except OSError as error:
        raise BuildError(_disk_message(error, given.output)) from error
    recall = f", recall@10 {manifest.recall['recall@10']}" if manifest.recall else ""
    skipped = manifest.settings.get("skipped", 0)
    lost = f"; {skipped:,} records were skipped, see {given.output / 'skipped.jsonl'}" if skipped else ""
    remark(
        f"{manifest.passages:,} passages indexed ({manifest.kind}{recall}){lost}; "
        f"ask with `python qa.py --index {given.output} …`, or open the page with `make demo INDEX={given.output}`\n"
    )
    if given.push_to_hub:
        return _push([str(given.output), given.push_to_hub])
    return 0


def _disk_message(error: OSError, output: Path) -> str:
    """A full or read-only disk in words."""
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        return f"the disk of {output} is full ({reason}): free some space, and the same command goes on where it was"
    return (
        f"{output} cannot be written: {reason}{f' ({error.filename})' if error.filename else ''}; name another --output"
    )


def _parser() -> argparse.ArgumentParser:
    """The arguments of a build."""
    from retriever.building.index_stage import BM25_CHOICES
    from retriever.index_kinds import KINDS as INDEX_KINDS

    parser = Parser(
        prog="python -m data.build_index",
        description="Build an index folder. `verify DIR`, `info DIR` and `push DIR user/name` look after one.",
    )
    add = parser.add_argument
    add("--source", default="vital", help="; ".join(KINDS))
    add("--output", type=Path, required=True, metavar="DIR", help="the folder to write, or to go on with")
    add("--words", type=int, default=100, help="words in a snippet (default %(default)s)")
    for name in _COLUMNS:
        add(f"--{name}-column", metavar="NAME", help=f"the column of a table that holds the {name}")
    add("--split", default="train", help="of a dataset (default %(default)s)")
    add("--no-titles", action="store_true", help="embed sections without their title and heading before them")
    add("--encoder", default="", metavar="DIR", help="a RetriBERT checkpoint (default: the embedded one)")
    add("--threads", type=int, default=0, help="threads of the encoder (default: all; 1 for each Ray worker)")
    add("--shard-rows", type=int, default=SHARD_ROWS, help="passages in a file (default %(default)s)")
    add("--kind", default="auto", help=f"of the index: auto, {', '.join(INDEX_KINDS)} (default %(default)s)")
    add("--recall", type=float, default=0.95, help="recall@10 that search is set to reach (default %(default)s)")
    add("--bm25", default="auto", choices=BM25_CHOICES, help="whether words are indexed too (default %(default)s)")
    add("--store", default="", metavar="milvus:URI", help="keep vectors and words in Milvus: a file.db or an address")
    add("--engine", default="local", help="local, ray, or ray:ADDRESS of a cluster (default %(default)s)")
    add("--workers", type=int, default=1, help="processes that read; with Ray, that embed (default %(default)s)")
    add("--memory-limit", type=_bytes, default=_half_the_memory(), metavar="SIZE", help="such as 8GB (default: half)")
    add("--add", action="store_true", help="append the source to a finished index")
    add("--reindex", action="store_true", help="build the index anew from the vectors that are there")
    add("--restart", action="store_true", help="begin anew, whatever the folder's build was")
    add("--push-to-hub", metavar="USER/NAME", help="then push it to the Hugging Face hub as a dataset")
    return parser


def _options(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Options:
    """How to build, checked."""
    for name in ("words", "workers", "shard_rows"):
        if getattr(given, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(given, name)}; it must be at least 1")
    if not 0 < given.recall <= 1:
        parser.error(f"--recall is {given.recall}; it must be above 0 and at most 1")
    if given.engine.partition(":")[0] not in ("local", "ray"):
        parser.error(f'--engine is "{given.engine}"; allowed are local, ray, and ray:ADDRESS')
    if given.store and not re.fullmatch(r"milvus:.+", given.store):
        parser.error(f'--store is "{given.store}"; allowed is milvus:URI, with a file such as index.db or an address')
    if sum((given.add, given.reindex, given.restart)) > 1:
        parser.error("--add, --reindex and --restart exclude one another")
    if given.threads < 0:
        parser.error(f"--threads is {given.threads}; it must be at least 1, or left out")
    return Options(given.memory_limit, given.workers, given.engine, given.restart, given.add, given.reindex)


def _source_options(parser: argparse.ArgumentParser, given: argparse.Namespace) -> SourceOptions:
    columns = {name: getattr(given, f"{name}_column") for name in _COLUMNS if getattr(given, f"{name}_column")}
    if columns and (given.source == "vital" or given.source.startswith("dump:")):
        parser.error(f"--{next(iter(columns))}-column is for tables and datasets; {given.source} has no columns")
    return SourceOptions(given.words, columns, given.split)


def _settings(given: argparse.Namespace) -> dict[str, Any]:
    """What decides passages and vectors; threads, too, may move the last bit of a vector."""
    columns = {name: getattr(given, f"{name}_column") for name in _COLUMNS if getattr(given, f"{name}_column")}
    return {
        "words": given.words,
        "columns": columns,
        "split": given.split,
        "shard_rows": given.shard_rows,
        "titles": not given.no_titles,
        "threads": _threads(given),
    }


def _threads(given: argparse.Namespace) -> int:
    """Threads of the encoder: those named, else one for a Ray worker, else what torch takes."""
    if given.threads:
        return given.threads
    if given.engine != "local":
        return 1
    import torch

    return torch.get_num_threads()


def _index(given: argparse.Namespace) -> dict[str, Any]:
    """What decides the index."""
    return {"kind": given.kind, "recall": given.recall, "bm25": given.bm25, "store": given.store}


def _load_encoder(given: argparse.Namespace) -> Any:  # noqa: ANN401 (imported where it is used)
    """The encoder, with its threads."""
    import torch

    from retriever.encode import Encoder

    torch.set_num_threads(_threads(given))
    return Encoder.load(given.encoder or None)


def _verify(arguments: Sequence[str]) -> int:
    """Check a folder."""
    from retriever.building.check import verify
    from retriever.encode import Encoder
    from retriever.index_folder import read_index_manifest

    given = _folder_parser("verify", "Check an index folder in full.").parse_args(arguments)
    for line in verify(given.folder, Encoder.load(read_index_manifest(given.folder).encoder or None)):
        say(f"{line}\n")
    say(f"{given.folder} is whole\n")
    return 0


def _info(arguments: Sequence[str]) -> int:
    """Print a folder's card."""
    from retriever.building.check import card

    given = _folder_parser("info", "Print the card of an index folder.").parse_args(arguments)
    say(card(given.folder) + "\n")
    return 0


def _push(arguments: Sequence[str]) -> int:
    """Push a folder to the hub."""
    from retriever.hub import push

    parser = _folder_parser("push", "Push an index folder to the Hugging Face hub, as a dataset.")
    parser.add_argument("name", metavar="USER/NAME")
    given = parser.parse_args(arguments)
    remark(f"pushed to {push(given.folder, given.name)}; open it with --index hf:{given.name}\n")
    return 0


def _folder_parser(step: str, description: str) -> argparse.ArgumentParser:
    parser = Parser(prog=f"python -m data.build_index {step}", description=description)
    parser.add_argument("folder", type=Path, metavar="DIR")
    return parser


def _bytes(text: str) -> int:
    """A size such as 8GB or 500M in bytes.

    >>> _bytes("8GB"), _bytes("1.5m")
    (8000000000, 1500000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if not match or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f'"{text}" is no size: give one such as 8GB')
    return int(float(match[1]) * _UNITS[match[2]])


def _half_the_memory() -> int:
    """Half of the machine's memory, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
