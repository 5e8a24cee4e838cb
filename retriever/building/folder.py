"""What a build finds in its folder: whose it is, how far an earlier run got, and so which plan to follow.

It knows plans and names of files. It does none of the stages.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from retriever.building.plan import Options, Plan, differences
from retriever.errors import BuildError, IndexFolderError
from retriever.index_folder import BUILD, MANIFEST, PASSAGES, SKIPPED, VECTORS, IndexManifest, read_index_manifest

_OWN = (BUILD, MANIFEST, PASSAGES, VECTORS, SKIPPED, "index-", "bm25-", ".lock", "milvus", ".milvus")


def agreed_plan(folder: Path, wanted: Plan, options: Options) -> Plan:
    """The plan to follow: the folder's own where the command means the same, else what the options allow.

    Raises:
        BuildError: the folder holds something else; the message names the choices.
    """
    there, finished = Plan.read(folder), finished_manifest(folder)
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


def finished_manifest(folder: Path) -> IndexManifest | None:
    """The manifest of a finished index; None where there is none of this layout."""
    try:
        return read_index_manifest(folder)
    except IndexFolderError:
        return None


def check_folder(folder: Path) -> None:
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


def remove_left_overs(folder: Path) -> None:
    """Remove what a run that was killed had half written."""
    for part in list(folder.rglob(".*.part")):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def empty_folder(folder: Path) -> None:
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
