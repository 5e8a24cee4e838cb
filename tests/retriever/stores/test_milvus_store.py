"""Milvus Lite for real; skipped where it is not installed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.settings import METHODS
from data.build_index import main
from data.passages import read_vital_articles
from retriever.encode import Encoder
from retriever.errors import IndexFolderError
from retriever.index import PassageIndex
from retriever.search import Retriever

pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite")

QUESTIONS = ("Which woodwind instrument has a reed?", "What do bees make?", "😀", "", "the of and", "Chess pieces")


@pytest.fixture(scope="module")
def articles(corpus, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / "articles.jsonl"
    path.write_text("".join(json.dumps({"title": p.title, "text": p.text}) + "\n" for p in corpus))
    return path


@pytest.fixture(scope="module")
def both(articles, tiny_encoder, tmp_path_factory) -> dict[str, Path]:
    """The same passages in FAISS and in Milvus."""
    folder = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
        for name, more in (("faiss", []), ("milvus", ["--store", "milvus:index.db"])):
            assert main(["--source", str(articles), "--output", str(folder / name), *more]) == 0
    return {name: folder / name for name in ("faiss", "milvus")}


@pytest.fixture(scope="module")
def retrievers(both, tiny_encoder):
    return {
        name: Retriever(tiny_encoder, PassageIndex.open(path, tiny_encoder.identity)) for name, path in both.items()
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_method_gives_the_same_hits_and_scores(retrievers, method, question):
    faiss, milvus = (retrievers[name].search(question, 5, method) for name in ("faiss", "milvus"))
    assert [hit.passage for hit in milvus] == [hit.passage for hit in faiss]
    np.testing.assert_allclose([h.score for h in milvus], [h.score for h in faiss], atol=1e-4)


def test_passages_are_read_as_a_sequence(retrievers):
    faiss, milvus = (retrievers[name].index.passages for name in ("faiss", "milvus"))
    assert len(milvus) == 12 and list(milvus) == list(faiss)
    assert milvus[-1] == faiss[-1] and milvus[2:5] == faiss[2:5]
    with pytest.raises(IndexError):
        milvus[12]


def without_store(folder, copy):
    """The files of an index whose vectors are in a store, without that."""
    return shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*milvus*", "*.db", ".*"))


def test_a_store_that_does_not_answer_is_named(both, tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("LFQA_STORES", "http://127.0.0.1:1")
    copy = without_store(both["milvus"], tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["store"]["uri"] = "http://127.0.0.1:1"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IndexFolderError, match=r"http://127.0.0.1:1 cannot be used: .*MILVUS_TOKEN"):
        PassageIndex.open(copy, tiny_encoder.identity)


def test_a_store_that_lost_its_collection_is_named(both, tiny_encoder, tmp_path):
    with pytest.raises(IndexFolderError, match="has no collection"):
        PassageIndex.open(without_store(both["milvus"], tmp_path / "copy"), tiny_encoder.identity)


@pytest.mark.assets
def test_the_vital_articles_have_the_same_top_ten(tmp_path, monkeypatch):
    """The first thousand vital articles with the vectors that come along, real questions."""
    from data.assets import asset_path
    from data.questions import load_questions
    from retriever.embedded import load_embedded_index

    encoder = Encoder.load()
    embedded = load_embedded_index(encoder.identity)
    rows = read_vital_articles(asset_path("vital-articles"))[:1000]
    vectors = embedded.scores(np.eye(128, dtype=np.float32), np.arange(1000))
    by_text = {passage.text: vector for passage, vector in zip(rows, vectors, strict=True)}
    monkeypatch.setattr(encoder, "encode_passages", lambda texts: np.array([by_text[text] for text in texts]))
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: encoder))
    source = tmp_path / "vital.jsonl"
    source.write_text(
        "".join(
            json.dumps({"article_title": p.title, "section_title": "", "passage_text": p.text}) + "\n" for p in rows
        )
    )
    for name, more in (("faiss", []), ("milvus", ["--store", "milvus:index.db"])):
        assert main(["--source", str(source), "--output", str(tmp_path / name), *more]) == 0
    asked = [item.question for item in load_questions("dev")[:12]]
    queries = encoder.encode_questions(asked)
    faiss, milvus = (PassageIndex.open(tmp_path / name, encoder.identity) for name in ("faiss", "milvus"))
    np.testing.assert_array_equal(faiss.search(queries, 10)[1], milvus.search(queries, 10)[1])
    for question in asked:
        np.testing.assert_allclose(
            faiss.sparse.search(question, 10)[0], milvus.sparse.search(question, 10)[0], rtol=1e-3
        )
