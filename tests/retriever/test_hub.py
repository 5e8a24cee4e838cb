"""Sharing an index; the hub is played by a folder."""

import shutil

import pytest

from data.build_index import main
from retriever.errors import IndexFolderError
from retriever.hub import index_folder
from retriever.index import PassageIndex


class FolderHub:
    """Takes and gives datasets from a folder, by the calls that we make."""

    def __init__(self, root):
        self.root = root

    def create_repo(self, name, repo_type, exist_ok):
        assert repo_type == "dataset" and exist_ok
        (self.root / name).mkdir(parents=True, exist_ok=True)

    def upload_folder(self, repo_id, folder_path, repo_type, ignore_patterns):
        shutil.copytree(
            folder_path, self.root / repo_id, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*ignore_patterns)
        )

    def download(self, name, repo_type):
        if not (self.root / name).is_dir():
            raise OSError(f"404: no dataset {name}")
        return str(self.root / name)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    hub = FolderHub(tmp_path / "hub")
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub.download)
    return hub


def test_what_was_pushed_opens_by_its_name(corpus, write_index, tiny_encoder, tmp_path, hub):
    write_index(tmp_path / "i", corpus)
    (tmp_path / "i/build.json").write_text("{}")
    assert main(["push", str(tmp_path / "i"), "me/mine"]) == 0
    index = PassageIndex.open(index_folder("hf:me/mine"), tiny_encoder.identity)
    assert list(index.passages) == corpus
    assert not (hub.root / "me/mine/build.json").exists()


def test_what_is_not_there_is_named(hub):
    with pytest.raises(IndexFolderError, match=r"hf:me/none cannot be had from the hub: 404.*HF_TOKEN"):
        index_folder("hf:me/none")


def test_what_is_no_index_is_not_pushed(tmp_path, hub, capsys):
    assert main(["push", str(tmp_path), "me/mine"]) == 1
    assert "is no index" in capsys.readouterr().err and not hub.root.exists()
