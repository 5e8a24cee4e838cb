"""Where the vectors of an index may be kept: a file in its own folder, or a place that the operator named.

An index folder may come from anybody. Its manifest says where its store is, and is not believed: no address is reached,
no file elsewhere opened and no token sent because a manifest says so. It knows addresses, and reaches none.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from retriever.errors import IndexFolderError

STORES = "LFQA_STORES"
PREFIX = "milvus:"  # before an address on the command line
_FILE = re.compile(r"[\w-][\w.-]*\.db")


def store_address(store: dict[str, Any], folder: Path) -> tuple[str, str]:
    """The address and the collection of the store that a manifest names, if it may be opened.

    Args:
        store: the manifest's "store".
        folder: of the index.

    Raises:
        IndexFolderError: it is elsewhere, and nobody here named it; or it is no address at all.
    """
    uri, collection = store.get("uri"), store.get("collection")
    if not isinstance(uri, str) or not isinstance(collection, str) or not uri or not collection:
        raise IndexFolderError(f'the manifest of {folder} names no store: "uri" and "collection" must be texts')
    if not _FILE.fullmatch(uri) and uri.rstrip("/") not in named_stores():
        raise IndexFolderError(
            f"the index {folder} wants its passages from {uri!r}, which nobody here has named, so nothing was asked: "
            f"if you trust it, set {STORES} to it; MILVUS_TOKEN is then sent there"
        )
    return resolved(uri, folder), collection


def named_stores() -> set[str]:
    """The addresses and files that the operator named, in LFQA_STORES, with commas between."""
    return {name.strip().rstrip("/") for name in os.environ.get(STORES, "").split(",")} - {""}


def resolved(uri: str, folder: Path) -> str:
    """An address as it is; a file's path, which lies in the index's folder unless it is a path of its own."""
    if "://" in uri:
        return uri
    path = Path(uri)
    return str(path if path.is_absolute() or len(path.parts) > 1 else folder / path)
