"""A whole build, stage after stage; killed at any moment and started again, it goes on.

    passages → vectors → index → manifest

Each stage looks at what lies in the folder and does the rest. It knows sources only by their interface.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from core.files import write_text
from data.passage_table import shard_path
from data.snippets import Shards, read_shards, skipped_lines, write_snippets
from data.sources import Source
from retriever.building.embed import embed_here, missing_jobs
from retriever.building.index_stage import held_out_queries, remove_others, write_bm25, write_index
from retriever.building.plan import Options, Plan, SourceFacts, differences
from retriever.building.progress import Progress
from retriever.errors import BuildError, IndexFolderError
from retriever.index_folder import (
    BUILD,
    MANIFEST,
    PASSAGES,
    SKIPPED,
    VECTORS,
    IndexManifest,
    file_facts,
    passage_table,
    read_index_manifest,
    today,
    vector_shards,
    write_index_manifest,
)
from retriever.index_kinds import choose_kind, needs
from retriever.vector_shards import SUFFIX

if TYPE_CHECKING:
    from retriever.encode import Encoder

_LIBRARIES = ("torch", "transformers", "faiss-cpu", "pyarrow", "numpy")
_OWN = (BUILD, MANIFEST, PASSAGES, VECTORS, SKIPPED, "index-", "bm25-", ".lock", "milvus", ".milvus")
_SPARE = 64 << 20  # bytes of disk beyond what is computed


def build(
    source: Source,
    folder: Path,
    load_encoder: Callable[[], Encoder],
    settings: dict[str, Any],
    index: dict[str, Any],
    options: Options,
    encoder_path: str = "",
) -> IndexManifest:
    """Build an index folder, or go on with one.

    Args:
        source: what to read.
        folder: to write; new, empty, an index, or an unfinished build.
        load_encoder: loads what embeds.
        settings: of passages and vectors, see `Plan`.
        index: of the index, see `Plan`.
        options: how.
        encoder_path: the folder of the encoder's checkpoint; "" for the embedded one.

    Returns:
        The manifest of the finished index.

    Raises:
        data.sources.SourceError: the source is missing, broken, or holds no text.
        BuildError: the folder holds something else, the disk or memory does not suffice, or the kind does not fit.
        OSError: the folder cannot be written.
    """
    _check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BuildError(f"another process is building {folder}: wait for it, or end it") from error
    try:
        if options.restart:
            _empty(folder)
        encoder = load_encoder()
        model = {"name": encoder.name, "identity": encoder.identity, "dimensions": encoder.dimensions}
        facts = SourceFacts(source.spec, source.name, source.fingerprint(), source.licence)
        plan = Plan(model | {"encoder": encoder_path}, settings, index, [facts])
        plan = _agreed(folder, plan, options)
        return _run(folder, plan, source, encoder, options)
    finally:
        lock.release()


def _run(folder: Path, plan: Plan, source: Source, encoder: Encoder, options: Options) -> IndexManifest:
    """The stages."""
    _remove_left_overs(folder)
    before = _finished(folder)
    if before and before.generation == plan.generation:
        return before
    shards = _passages(folder, plan, source, options)
    rows, count = shards.rows, sum(shards.rows)
    if count == 0:
        first = (
            f"; {len(shards.skipped)} records were skipped, the first: {shards.skipped[0][2]}" if shards.skipped else ""
        )
        raise BuildError(f"{source.spec} holds no text to index{first}")
    # An index that is added to keeps its kind.
    kind = before.kind if before and not plan.reindexed else str(plan.index["kind"])
    if not plan.index["store"]:
        kind = choose_kind(kind, count, encoder.dimensions, options.memory)
    _vectors(folder, plan, rows, encoder, options, kind)
    return _index(folder, plan, shards, encoder, options, kind, before)


def _agreed(folder: Path, wanted: Plan, options: Options) -> Plan:
    """The plan to follow: the folder's own where the command means the same, else what the options allow.

    Raises:
        BuildError: the folder holds something else; the message names the choices.
    """
    there, finished = Plan.read(folder), _finished(folder)
    if there is not None and finished is None and not any((folder / PASSAGES).glob("*.arrow")):
        there = None  # nothing was written yet that another plan could spoil
    if there is None:
        if options.add or options.reindex:
            raise BuildError(f"{folder} holds no index to {'add to' if options.add else 'index anew'}: build it first")
        wanted.write(folder)
        return wanted
    done = finished is not None and finished.generation == there.generation
    if options.reindex:
        return _reindexed(folder, there, wanted, finished)
    if options.add and done:
        return _added(folder, there, wanted, finished)
    changed = differences(there, wanted)
    if not changed:
        return there
    choices = "--restart to begin anew, or another --output"
    if done:
        choices = f"--add to append the source, --reindex for another kind of index, {choices}"
    raise BuildError(
        f"{folder} was begun with other settings ({'; '.join(changed)}). "
        f"Choose: the settings as before to go on, {choices}"
    )


def _added(folder: Path, there: Plan, wanted: Plan, finished: IndexManifest | None) -> Plan:
    """The plan that appends a source to a finished index."""
    assert finished is not None
    new = wanted.sources[-1]
    if any(old.fingerprint == new.fingerprint for old in there.sources):
        raise BuildError(f"{new.source} is in {folder} already (the same content): name another source to add")
    same = replace(wanted, sources=there.sources, index=there.index)
    changed = differences(there, same)
    if changed:
        raise BuildError(f"{folder} was built with other settings ({'; '.join(changed)}): add with the same ones")
    sources = [*there.sources, replace(new, first_shard=len(finished.shards))]
    plan = replace(there, sources=sources, generation=there.generation + 1, reindexed=False)
    plan.write(folder)
    return plan


def _reindexed(folder: Path, there: Plan, wanted: Plan, finished: IndexManifest | None) -> Plan:
    """The plan that keeps passages and vectors and builds the index anew."""
    if finished is None:
        raise BuildError(f"the build of {folder} has not ended: finish it first, then use --reindex")
    if finished.store or wanted.index["store"]:
        raise BuildError("--reindex builds FAISS indexes only; build a Milvus store in a folder of its own")
    changed = differences(there, replace(wanted, index=there.index))
    if changed:
        raise BuildError(f"--reindex keeps passages and vectors, but {'; '.join(changed)}: use --restart")
    if there.index == wanted.index and finished.generation < there.generation:
        return there
    plan = replace(there, index=wanted.index, generation=finished.generation + 1, reindexed=True)
    plan.write(folder)
    return plan


def _passages(folder: Path, plan: Plan, source: Source, options: Options) -> Shards:
    """Stage one for the plan's last source; what earlier ones wrote is counted in."""
    last = plan.sources[-1]
    earlier = Shards()
    for before in plan.sources[:-1]:
        found = read_shards(folder / PASSAGES, before.first_shard)
        earlier.rows += found.rows
        earlier.skipped += found.skipped
    prefix = f"{len(plan.sources)}:" if len(plan.sources) > 1 else ""
    with Progress("reading", folder) as bar:
        began = False

        def on_shard(rows: int) -> None:
            nonlocal began
            if began:
                bar.add(rows, source.share)
            else:
                bar.start_at(rows)
                began = True

        workers = options.workers if options.engine == "local" else 1
        found = write_snippets(
            source, folder / PASSAGES, plan.settings["shard_rows"], last.first_shard, prefix, workers, on_shard
        )
    lines = skipped_lines(earlier.skipped + found.skipped)
    write_text(folder / SKIPPED, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return Shards(earlier.rows + found.rows, found.place, earlier.skipped + found.skipped)


def _vectors(folder: Path, plan: Plan, rows: Sequence[int], encoder: Encoder, options: Options, kind: str) -> None:
    """Stage two, after a look at the disk."""
    (folder / VECTORS).mkdir(exist_ok=True)
    jobs = missing_jobs(folder, rows, encoder.dimensions)
    missing = sum(job.rows for job in jobs)
    index = 0 if plan.index["store"] else needs(kind, sum(rows), encoder.dimensions).file
    needed, free = missing * encoder.dimensions * 2 + index + _SPARE, shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free")
    with Progress("embedding", folder, sum(rows)) as bar:
        bar.start_at(sum(rows) - missing)
        if options.engine == "local":
            embed_here(encoder, jobs, plan.settings["titles"], bar.add)
        else:
            from retriever.building.ray_engine import embed_on_ray

            embed_on_ray(jobs, plan, options, bar.add)


def _index(
    folder: Path,
    plan: Plan,
    shards: Shards,
    encoder: Encoder,
    options: Options,
    kind: str,
    before: IndexManifest | None,
) -> IndexManifest:
    """Stage three, and the manifest."""
    manifest = IndexManifest(
        passages=sum(shards.rows),
        dimensions=encoder.dimensions,
        model=encoder.name,
        model_identity=encoder.identity,
        encoder=plan.model["encoder"],
        source=" + ".join(source.name for source in plan.sources),
        licence=_licence(plan),
        date=today(),
        kind=kind,
        generation=plan.generation,
        shards=list(shards.rows),
        sources=[asdict(source) for source in plan.sources],
        settings=plan.settings | {"skipped": len(shards.skipped)},
        versions={name: version(name) for name in _LIBRARIES},
    )
    names = [
        shard_path(Path(part), number, suffix).as_posix()
        for number in range(len(shards.rows))
        for part, suffix in ((PASSAGES, ".arrow"), (VECTORS, SUFFIX))
    ]
    if plan.index["store"]:
        from retriever.building.milvus_stage import fill_store

        store = fill_store(folder, plan.index["store"], manifest, before)
        manifest = replace(manifest, store=store, kind="milvus", files=file_facts(folder, names))
        write_index_manifest(folder, manifest)
        return manifest
    passages, vectors = passage_table(folder, manifest), vector_shards(folder, manifest)
    queries = held_out_queries(encoder, passages) if kind != "flat" else np.zeros((0, encoder.dimensions), np.float32)
    extends = folder / before.index_file if before and not plan.reindexed else None
    facts = write_index(
        folder / manifest.index_file,
        kind,
        vectors,
        queries,
        plan.index["recall"],
        extends,
        before.passages if extends and before else 0,
    )
    words = write_bm25(folder / manifest.bm25_folder, passages, plan.index["bm25"], options.memory)
    files = file_facts(folder, [*names, manifest.index_file, *words])
    manifest = replace(manifest, files=files, **facts)
    write_index_manifest(folder, manifest)
    remove_others(folder, [manifest.index_file, manifest.bm25_folder])
    return manifest


def _licence(plan: Plan) -> str:
    """The licences of all sources; "" where one is not known."""
    found = {source.licence for source in plan.sources}
    return ", ".join(sorted(found)) if "" not in found else ""


def _finished(folder: Path) -> IndexManifest | None:
    """The manifest of a finished index; None where there is none of this layout."""
    try:
        return read_index_manifest(folder)
    except IndexFolderError:
        return None


def _check_folder(folder: Path) -> None:
    """Refuse a folder with other people's files."""
    if folder.is_dir():
        others = sorted(path.name for path in folder.iterdir() if not _own_name(path.name).startswith(_OWN))
        if others:
            raise BuildError(
                f"{folder} holds other files ({others[0]}, …): name an empty folder, a new one, or an index"
            )
    elif folder.exists():
        raise BuildError(f"{folder} is a file and cannot be written as a folder: name another --output")


def _own_name(name: str) -> str:
    """The name that a half-written file or folder would have got, see `core.files.replacing`; others' stay.

    >>> _own_name(".index-1.faiss.77.1a2b3c4d.part"), _own_name("thesis.part")
    ('index-1.faiss.77.1a2b3c4d.part', 'thesis.part')
    """
    return name[1:] if name.startswith(".") and name.endswith(".part") else name


def _remove_left_overs(folder: Path) -> None:
    """Remove what a run that was killed had half written."""
    for part in list(folder.rglob(".*.part")):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    """Remove what a build wrote, the manifest first."""
    for name in (MANIFEST, BUILD, SKIPPED):
        (folder / name).unlink(missing_ok=True)
    for path in list(folder.iterdir()):
        if path.name == ".lock":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
