"""Index folders on the Hugging Face hub, as datasets: pushed with one call, opened by "hf:user/name"."""

from __future__ import annotations

from pathlib import Path

from core.errors import first_line
from retriever.errors import IndexFolderError
from retriever.index_folder import read_index_manifest

PREFIX = "hf:"
# What a build leaves beside the index and nobody else needs.
_NOT_PUSHED = ["*.part", "build.json", "*.lock"]


def index_folder(index: Path | str) -> Path:
    """The folder of an index; one on the hub is downloaded into the hub's cache first, or found there.

    Args:
        index: a folder, or "hf:user/name".

    Raises:
        IndexFolderError: the hub does not give it.
    """
    if not str(index).startswith(PREFIX):
        return Path(index)
    from huggingface_hub import snapshot_download

    name = str(index).removeprefix(PREFIX)
    try:
        return Path(snapshot_download(name, repo_type="dataset"))
    except Exception as error:  # the hub's client raises what its transport raises, of many kinds
        raise IndexFolderError(
            f"the index {index} cannot be had from the hub: {first_line(error)}. Check its name (hf:user/name), "
            "the network and HF_TOKEN, or name a folder"
        ) from error


def push(folder: Path, name: str) -> str:
    """Put an index folder on the hub as a dataset.

    Args:
        folder: a finished index.
        name: "user/name"; made if it does not exist.

    Returns:
        Its address.

    Raises:
        IndexFolderError: the folder is no finished index, its vectors are elsewhere, or the hub refuses it.
    """
    from huggingface_hub import HfApi

    if read_index_manifest(folder).store:
        raise IndexFolderError(f"the vectors of {folder} are in a Milvus store, not in the folder: nothing was pushed")
    hub = HfApi()
    try:
        hub.create_repo(name, repo_type="dataset", exist_ok=True)
        hub.upload_folder(repo_id=name, folder_path=folder, repo_type="dataset", ignore_patterns=_NOT_PUSHED)
    except Exception as error:  # as above
        raise IndexFolderError(
            f"{folder} cannot be pushed to {name}: {first_line(error)}. Check the name (user/name), the network and "
            "HF_TOKEN, then push again: what is there already is not sent twice"
        ) from error
    return f"https://huggingface.co/datasets/{name}"
