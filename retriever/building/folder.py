"""What a build finds in its folder: whose it is, how far an earlier run got, and so which plan to follow.

It knows plans and names of files. It does none of the stages.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from retriever.building.plan import Options, Plan, differences
from retriever.errors import BuildError, IndexFolderError
from retriever.index_folder import BUILD, MANIFEST, PASSAGES, SKIPPED, VECTORS, IndexManifest, read_index_manifest
from retriever.stores.address import PREFIX, store_address
from retriever.vector_shards import SUFFIX

LOCK, MILVUS = ".lock", ".milvus"
_FILES = re.compile("|".join((*map(re.escape, (BUILD, MANIFEST, SKIPPED, MILVUS)), r"index-\d+\.faiss")))
# A folder of a build, and what it holds.
_FOLDERS = (
    (re.compile(re.escape(PASSAGES)), re.compile(r"\d{5,}\.arrow")),
    (re.compile(re.escape(VECTORS)), re.compile(rf"\d{{5,}}{re.escape(SUFFIX)}")),
    (re.compile(r"bm25-\d+"), re.compile(r"[a-z_.]+\.index\.(npy|json)")),
)
_OWN = re.compile("|".join(part.pattern for part in (_FILES, *(part for pair in _FOLDERS for part in pair))))
_PART = re.compile(r"\.(.+)\.\d+\.[0-9a-f]{8}\.part")


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
    store = there.index["store"]
    if store and store != wanted.index["store"]:  # from the folder, not from the command
        store_address(finished.store | {"uri": store.removeprefix(PREFIX)}, folder)
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
    """Refuse a folder that is not ours to build into, or to empty.

    Ours is one that is empty or holds a build's notes or an index's manifest, and beside them nothing that a build does
    not write, down to the single file.

    Raises:
        BuildError: it is another's, or no folder; it stays as it is.
    """
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            raise BuildError(f"{folder} is a file and cannot be written as a folder: name another --output")
        return
    strangers = list(_strangers(folder))
    if not strangers and not _is_ours(folder):
        # Without a word of whose they are, even files with our names are somebody else's.
        strangers = sorted(path.name for path in folder.iterdir() if not _is_mark(path))
    if strangers:
        raise BuildError(
            f"{folder} holds other files ({strangers[0]}, …), which stay as they are: name an empty folder, a new one, "
            "or an index"
        )


def _strangers(folder: Path) -> Iterator[str]:
    """What lies in a folder and was not written by a build, in order."""
    store = _store(folder)
    for path in sorted(folder.iterdir()):
        inside = _inside(path)
        if inside is not None:
            yield from (
                f"{path.name}/{below.name}"
                for below in sorted(path.iterdir())
                if _own_name(below.name) == below.name and (below.is_dir() or not inside.fullmatch(below.name))
            )
        elif not (_is_mark(path) or (path.is_file() and _FILES.fullmatch(path.name)) or _is_of(store, path)):
            yield path.name


def _inside(path: Path) -> re.Pattern[str] | None:
    """How what lies in a folder of a build is called; None for everything else."""
    if path.is_symlink() or not path.is_dir():
        return None
    return next((inside for name, inside in _FOLDERS if name.fullmatch(path.name)), None)


def _is_mark(path: Path) -> bool:
    """Whether something is left of a build that wrote nothing whole: its lock, half-written files, empty folders."""
    if _inside(path) is not None:
        return all(_own_name(below.name) != below.name for below in path.iterdir())
    return (path.name == LOCK and path.is_file() and not path.stat().st_size) or _own_name(path.name) != path.name


def _store(folder: Path) -> str:
    """The name of the Milvus store that a build keeps in its folder; "" where there is none."""
    if not (folder / MILVUS).is_file():
        return ""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return str(json.loads((folder / BUILD).read_bytes())["index"]["store"]).partition(":")[2]
    return ""


def _is_of(store: str, path: Path) -> bool:
    """Whether a file belongs to a Milvus store, which writes its own beside it."""
    return bool(store) and (path.name == store or path.name.startswith((f"{store}.", f".{store}.")))


def _is_ours(folder: Path) -> bool:
    """Whether a build's notes or an index's manifest lie in a folder, be they damaged or of another version."""
    for name, signs in ((BUILD, (b'"model"', b'"generation"')), (MANIFEST, (b'"model_identity"', b'"passages"'))):
        path = folder / name
        if path.is_file() and all(sign in path.read_bytes() for sign in signs):
            return True
    return False


def _own_name(name: str) -> str:
    """The name that a half-written file or folder would have got, see `core.files.replacing`; others' stay.

    >>> _own_name(".index-1.faiss.77.1a2b3c4d.part"), _own_name("thesis.part"), _own_name(".thesis.part")
    ('index-1.faiss', 'thesis.part', '.thesis.part')
    """
    found = _PART.fullmatch(name)
    return found[1] if found and _OWN.fullmatch(found[1]) else name


def is_own(name: str) -> bool:
    """Whether a build writes a file or folder of that name.

    >>> is_own("index-2.faiss"), is_own("index-thesis.faiss")
    (True, False)
    """
    return _OWN.fullmatch(name) is not None


def remove_left_overs(folder: Path) -> None:
    """Remove what a run that was killed had half written."""
    for part in [*folder.iterdir(), *(folder / PASSAGES).glob("*"), *(folder / VECTORS).glob("*")]:
        if _own_name(part.name) != part.name:
            _remove(part)


def empty_folder(folder: Path) -> None:
    """Remove what a build wrote, the manifest first, and nothing else; see `check_folder`."""
    store = _store(folder)
    for name in (MANIFEST, BUILD, SKIPPED):
        (folder / name).unlink(missing_ok=True)
    remove_left_overs(folder)
    for path in list(folder.iterdir()):
        inside = _inside(path)
        if inside is not None:
            for file in list(path.iterdir()):
                if inside.fullmatch(file.name):
                    file.unlink()
            with suppress(OSError):
                path.rmdir()
        elif _FILES.fullmatch(path.name) or _is_of(store, path):
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or a folder of ours."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
