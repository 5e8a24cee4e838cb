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
from retriever.building.folder import (
    LOCK,
    agreed_plan,
    check_folder,
    empty_folder,
    finished_manifest,
    remove_left_overs,
)
from retriever.building.index_stage import held_out_queries, remove_others, write_bm25, write_index
from retriever.building.plan import Options, Plan, SourceFacts
from retriever.building.progress import Progress
from retriever.errors import BuildError
from retriever.index_folder import (
    PASSAGES,
    SKIPPED,
    VECTORS,
    IndexManifest,
    file_facts,
    passage_table,
    today,
    vector_shards,
    write_index_manifest,
)
from retriever.index_kinds import choose_kind, needs
from retriever.vector_shards import SUFFIX

if TYPE_CHECKING:
    from retriever.encode import Encoder

_LIBRARIES = ("torch", "transformers", "faiss-cpu", "pyarrow", "numpy")
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
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BuildError(f"another process is building {folder}: wait for it, or end it") from error
    try:
        if options.restart:
            empty_folder(folder)
        encoder = load_encoder()
        model = {"name": encoder.name, "identity": encoder.identity, "dimensions": encoder.dimensions}
        facts = SourceFacts(source.spec, source.name, source.fingerprint(), source.licence)
        plan = Plan(model | {"encoder": encoder_path}, settings, index, [facts])
        plan = agreed_plan(folder, plan, options)
        return _run(folder, plan, source, encoder, options)
    finally:
        lock.release()


def _run(folder: Path, plan: Plan, source: Source, encoder: Encoder, options: Options) -> IndexManifest:
    """The stages."""
    remove_left_overs(folder)
    before = finished_manifest(folder)
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
