"""A manifest comes from anybody: no address of its own choice is reached, and no token sent there."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from data.build_index import main
from retriever.errors import IndexFolderError
from retriever.index import PassageIndex
from retriever.index_folder import FORMAT
from retriever.stores.address import store_address

TOKEN = "a-very-secret-token"


@contextmanager
def listening():
    """A port on loopback, with the bytes of every connection to it."""
    heard, server = [], socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    over = threading.Event()

    def listen():
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(1)
                try:
                    heard.append(connection.recv(65536))
                except OSError:
                    heard.append(b"")

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        over.set()
        thread.join()
        server.close()


def stranger(folder, uri, collection="passages"):
    """A folder as somebody else might send it: nothing but a manifest."""
    folder.mkdir()
    facts = {"format": FORMAT, "passages": 0, "dimensions": 128, "model": "tiny", "model_identity": "tiny",
             "source": "x", "kind": "milvus", "date": "2026-01-01"}  # fmt: skip
    facts["store"] = {"uri": uri, "collection": collection}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("MILVUS_TOKEN", TOKEN)
    monkeypatch.delenv("LFQA_STORES", raising=False)


@pytest.mark.parametrize("scheme", ["http", "https", "tcp", "grpc"])
def test_no_token_and_no_connection_reach_an_address_of_a_strangers_manifest(tmp_path, scheme):
    with listening() as (port, heard):
        address = f"{scheme}://127.0.0.1:{port}"
        with pytest.raises(IndexFolderError, match=r"127\.0\.0\.1.*nobody here has named.*set LFQA_STORES"):
            PassageIndex.open(stranger(tmp_path / "index", address), "tiny")
    assert heard == []


def test_the_address_that_the_operator_named_is_asked(tmp_path, monkeypatch):
    """The listener hears what there is to hear."""
    pytest.importorskip("pymilvus")
    with listening() as (port, heard):
        address = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("LFQA_STORES", f"http://other.example:19530, {address}/")
        monkeypatch.setattr("retriever.stores.milvus_store.TIMEOUT", 1)
        with pytest.raises(IndexFolderError, match="cannot be used"):
            PassageIndex.open(stranger(tmp_path / "index", address), "tiny")
    assert heard


@pytest.mark.parametrize(
    "uri",
    ["/etc/passwd", "../other.db", "sub/index.db", "/tmp/index.db", "https://example.org", "example.org:19530", "..",
     "index", "unix:/run/milvus.db", "file:///tmp/index.db", ".db"],
)  # fmt: skip
def test_no_place_outside_the_folder_is_opened_unnamed(tmp_path, uri):
    with pytest.raises(IndexFolderError, match="nobody here has named"):
        store_address({"uri": uri, "collection": "passages"}, tmp_path)


def test_a_file_in_the_folder_is_opened_at_once(tmp_path):
    assert store_address({"uri": "index.db", "collection": "c"}, tmp_path) == (str(tmp_path / "index.db"), "c")


@pytest.mark.parametrize("store", [{"uri": 7, "collection": "c"}, {"uri": "index.db"}, {"uri": "", "collection": "c"}])
def test_what_names_no_store_is_refused(tmp_path, store):
    with pytest.raises(IndexFolderError, match="names no store"):
        store_address(store, tmp_path)


def test_adding_to_a_strangers_folder_reaches_no_address_of_theirs(corpus, write_index, tiny_encoder, tmp_path,
                                                                    monkeypatch, capsys):  # fmt: skip
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    texts = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for path, some in zip(texts, (corpus[:6], corpus[6:]), strict=True):
        path.write_text("".join(json.dumps({"title": p.title, "text": p.text}) + "\n" for p in some))
    folder = tmp_path / "index"
    assert main(["--source", str(texts[0]), "--output", str(folder), "--bm25", "no"]) == 0
    with listening() as (port, heard):
        for name in ("manifest.json", "build.json"):
            facts = json.loads((folder / name).read_text())
            if name == "build.json":
                facts["index"]["store"] = f"milvus:http://127.0.0.1:{port}"
            else:
                facts["store"] = {"uri": f"http://127.0.0.1:{port}", "collection": "passages"}
                facts["kind"] = "milvus"
                facts["files"] = {path: size for path, size in facts["files"].items() if not path.endswith(".faiss")}
            (folder / name).write_text(json.dumps(facts))
        capsys.readouterr()
        assert main(["--source", str(texts[1]), "--output", str(folder), "--bm25", "no", "--add"]) == 1
    assert heard == []
    assert "nobody here has named" in capsys.readouterr().err
