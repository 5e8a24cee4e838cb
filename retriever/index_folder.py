"""The folder of an index: its layout, its manifest, and whether it is whole.

    manifest.json        the card: what the index is made of, and every file with its size and hash
    passages/00000.arrow …   passages in shards
    vectors/00000.npy …      their vectors, float16, shard for shard
    index-1.faiss        the FAISS index, unless the vectors are searched elsewhere; a new one gets a new number
    bm25-1/              BM25, where there is one
    build.json           how far a build is, and with what settings
    skipped.jsonl        records of the sources that were no usable page

It knows files, and what reads them. It knows no search.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.files import file_sha256, write_json
from core.shapes import read_object, shaped
from data.passage_table import PassageTable, shard_path
from retriever.errors import IndexFolderError
from retriever.vector_shards import SUFFIX, VectorShards

FORMAT = 2
MANIFEST, PASSAGES, VECTORS, BUILD, SKIPPED = "manifest.json", "passages", "vectors", "build.json", "skipped.jsonl"
CURE = "build one with `python -m data.build_index --output DIR`"
KINDS = ("flat", "hnsw", "ivfpq")
BM25_FILES = (
    *(f"{name}.csc.index.npy" for name in ("data", "indices", "indptr")),
    *(f"{name}.index.json" for name in ("params", "vocab")),
)
# Folders up to this size are hashed whole when they are opened; larger ones by `verify`.
HASHED_ON_OPENING = 64 << 20


@dataclass(frozen=True)
class IndexManifest:
    """What an index is made of.

    Attributes:
        passages: how many there are.
        dimensions: the length of a vector.
        model: the encoder's name, and `model_identity`, its hash.
        source: where the passages come from, in a few words.
        date: the day it was built, YYYY-MM-DD.
        passages_sha256: the hash of the embedded passages, see `hash_passages`; "" where files have their own hashes.
        vectors_sha256: the hash of the embedded vectors; "" as above.
        format: the version of the folder's layout.
        encoder: the folder of the encoder's checkpoint; "" for the embedded one.
        licence: of the texts; "" where it is not known.
        kind: of the vector index, one of `retriever.index_kinds.KINDS`.
        effort: how thoroughly it is searched, see `retriever.index_kinds.EFFORTS`.
        recall: {"recall@10", "queries", "wanted"} against exact search; empty where search is exact.
        generation: the number in the names of the vector index and BM25.
        shards: passages in each shard.
        files: path below the folder → (bytes, SHA-256).
        store: {} for FAISS in this folder, else what `retriever.stores` needs to find the vectors.
        sources: what was read, in order, see `retriever.building.plan.SourceFacts`.
        settings: everything else that decides the build's outcome.
        versions: of the libraries that built it.
    """

    passages: int
    dimensions: int
    model: str
    model_identity: str
    source: str
    date: str
    passages_sha256: str = ""
    vectors_sha256: str = ""
    format: int = FORMAT
    encoder: str = ""
    licence: str = ""
    kind: str = "flat"
    effort: int = 0
    recall: dict[str, float] = field(default_factory=dict)
    generation: int = 1
    shards: list[int] = field(default_factory=list)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    store: dict[str, Any] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def index_file(self) -> str:
        """The name of the FAISS index."""
        return f"index-{self.generation}.faiss"

    @property
    def bm25_folder(self) -> str:
        """The name of BM25's folder."""
        return f"bm25-{self.generation}"

    @property
    def has_bm25(self) -> bool:
        """Whether there is one."""
        return any(name.startswith(f"{self.bm25_folder}/") for name in self.files)


def today() -> str:
    """The day, YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()


def read_index_manifest(folder: Path) -> IndexManifest:
    """The manifest of an index folder, of a layout that this program knows.

    Raises:
        IndexFolderError: there is none.
    """
    if not folder.is_dir():
        raise IndexFolderError(f"there is no index folder {folder}; {CURE}")
    path = folder / MANIFEST
    if not path.is_file():
        unfinished = (folder / BUILD).is_file()
        cure = "run the command that began its build again, it goes on" if unfinished else CURE
        raise IndexFolderError(f"{folder} is no index, or its build did not end: {MANIFEST} is missing; {cure}")
    facts = read_object(path, "manifest of an index", IndexFolderError, CURE)
    layout = facts.get("format")
    if layout != FORMAT:
        raise IndexFolderError(f"{folder} has layout {str(layout)[:40]}, this program reads {FORMAT}; {CURE}")
    try:
        manifest = shaped(facts, IndexManifest)
        _check_consistency(manifest)
    except ValueError as error:
        raise IndexFolderError(f"{path} is no manifest of an index ({error}); {CURE}") from error
    return manifest


def _check_consistency(manifest: IndexManifest) -> None:
    """See that a manifest's fields belong together, and that it has a hash of every file that is read.

    Raises:
        ValueError: they do not.
    """
    kinds = ("milvus",) if manifest.store else KINDS
    if manifest.kind not in kinds:
        raise ValueError(f'kind: "{manifest.kind[:40]}" given, allowed are {", ".join(kinds)}')
    for name, low, high in (
        ("passages", 0, 1 << 40),
        ("dimensions", 1, 1 << 16),
        ("generation", 1, 1 << 40),
        ("effort", 0 if manifest.kind in ("flat", "milvus") else 1, 1 << 20),
    ):
        if not low <= getattr(manifest, name) <= high:
            raise ValueError(f"{name}: {getattr(manifest, name)} given, allowed are {low:,} to {high:,}")
    if min(manifest.shards, default=0) < 0:
        raise ValueError(f"shards: {min(manifest.shards)} given, at least 0 are needed")
    if manifest.store and not all(isinstance(manifest.store.get(name), str) for name in ("uri", "collection")):
        raise ValueError("store: uri or collection is missing")
    if sum(manifest.shards) != manifest.passages:
        raise ValueError(f"shards: {sum(manifest.shards):,} passages in all, {manifest.passages:,} are needed")
    if manifest.recall and not {"recall@10", "queries"} <= set(manifest.recall):
        raise ValueError("recall: recall@10 or queries is missing")
    needed = {
        shard_path(Path(part), number, suffix).as_posix()
        for number in range(len(manifest.shards))
        for part, suffix in ((PASSAGES, ".arrow"), (VECTORS, SUFFIX))
    }
    needed |= set() if manifest.store else {manifest.index_file}
    words = {f"{manifest.bm25_folder}/{name}" for name in BM25_FILES}
    needed |= words if manifest.has_bm25 else set()
    if missing := sorted(needed - set(manifest.files)):
        raise ValueError(f"files: no size and hash of {missing[0]}")
    if others := sorted(set(manifest.files) - needed):
        raise ValueError(f"files: {others[0][:60]} is no file of an index")


def write_index_manifest(folder: Path, manifest: IndexManifest) -> None:
    """Write the manifest; an index is what its manifest says, so this is the moment when a change takes place."""
    write_json(folder / MANIFEST, asdict(manifest))


def passage_table(folder: Path, manifest: IndexManifest) -> PassageTable:
    """The passages of an index folder."""
    files = [shard_path(folder / PASSAGES, number) for number in range(len(manifest.shards))]
    return PassageTable(files, manifest.shards)


def vector_shards(folder: Path, manifest: IndexManifest) -> VectorShards:
    """The vectors of an index folder."""
    files = [shard_path(folder / VECTORS, number, SUFFIX) for number in range(len(manifest.shards))]
    return VectorShards(files, manifest.shards, manifest.dimensions)


def file_facts(folder: Path, names: list[str]) -> dict[str, tuple[int, str]]:
    """Each file's size and SHA-256."""
    return {name: ((folder / name).stat().st_size, file_sha256(folder / name)) for name in names}


def check_files(folder: Path, manifest: IndexManifest, hashed: bool | None = None) -> None:
    """Check that the files of an index are there and whole.

    Args:
        folder: of the index.
        manifest: its manifest.
        hashed: whether to read and hash them all; None for only where they are small.

    Raises:
        IndexFolderError: a file is missing, or is not what it was.
    """
    if hashed is None:
        hashed = sum(size for size, _ in manifest.files.values()) <= HASHED_ON_OPENING
    for name, (size, digest) in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise IndexFolderError(f"the index {folder} is incomplete: {name} is missing; rebuild it")
        there = path.stat().st_size
        if there != size:
            raise IndexFolderError(f"{path} has {there:,} bytes, {size:,} expected: it was changed; rebuild the index")
        if hashed and file_sha256(path) != digest:
            raise IndexFolderError(f"{path} was changed: its SHA-256 is not the manifest's; rebuild the index")
