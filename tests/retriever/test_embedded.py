"""The embedded encoder and index, on the real assets."""

import json

import numpy as np
import pytest

from data.assets import asset_path
from retriever import embedded
from retriever.encode import Encoder
from retriever.index import IndexFolderError
from retriever.search import Retriever

pytestmark = pytest.mark.assets

PLAIN_QUESTIONS = {
    "What makes the tide come in and go out?": "Tide",
    "How do vaccines work?": "Vaccine",
    "What is a flute?": "Flute",
    "Why is there a hole in the ozone layer?": "Ozone depletion",
    "How do volcanoes erupt?": "Volcano",
    "What is the capital of France?": "Paris",
    "What causes earthquakes?": "Earthquake",
    "How does photosynthesis work?": "Photosynthesis",
    "Who painted the Mona Lisa?": "Mona Lisa",
    "What is the Great Wall of China?": "Great Wall of China",
    "How do magnets work?": "Magnet",
    "What is a black hole?": "Black hole",
    "Why did the Titanic sink?": "Sinking of the Titanic",
    "What do bees do with nectar?": "Honey",
    "What is the game of chess?": "Chess",
    "What is DNA made of?": "DNA",
    "Who was Cleopatra?": "Cleopatra",
    "How do our bodies fight infections?": "Immune system",
    "How do rainbows form?": "Rainbow",
    "What is inflation in economics?": "Inflation",
}


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    return Retriever.load()


@pytest.mark.parametrize("method", ["dense", "mixed"])
def test_plain_questions_find_their_article(retriever, method):
    found = {
        question: [hit.passage.title for hit in retriever.search(question, 4, method)] for question in PLAIN_QUESTIONS
    }
    missed = {question: titles for question, titles in found.items() if PLAIN_QUESTIONS[question] not in titles}
    assert not missed


def test_the_vectors_that_come_along_equal_recomputed_ones(retriever):
    rows = np.random.default_rng(0).choice(len(retriever.index), size=48, replace=False)
    recomputed = retriever.embed_texts([retriever.index.passages[int(row)].text for row in rows])
    shipped = np.stack([retriever.index.scores(row_vector, rows) for row_vector in recomputed])
    np.testing.assert_allclose(np.diag(shipped), 1, atol=2e-3)
    np.testing.assert_allclose(shipped, recomputed @ recomputed.T, atol=2e-3)


def test_all_vital_articles_are_there_and_clean(retriever):
    passages = retriever.index.passages
    assert len(passages) == 10_033
    assert len({passage.id for passage in passages}) == len(passages)
    assert not any("\xa0" in passage.text or "  " in passage.text or not passage.text for passage in passages)


def test_an_odd_question_is_marked_low(retriever):
    assert retriever.low_scores(retriever.search("asdf qwer zxcv", 4, "mixed"), "mixed")
    assert not retriever.low_scores(retriever.search("How do vaccines work?", 4, "mixed"), "mixed")


def test_vectors_of_other_passages_are_refused(tmp_path, monkeypatch):
    manifest = json.loads((embedded.FOLDER / "manifest.json").read_text())
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest | {"passages_sha256": "0" * 64}))
    monkeypatch.setattr(embedded, "_MANIFEST", path)
    with pytest.raises(IndexFolderError, match="python -m retriever.embedded"):
        embedded.load_embedded_index(Encoder.load())


def test_the_encoder_is_minilm_inside_retribert():
    """Mean pooling over transformers' own BertModel, by hand."""
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    encoder = Encoder.load()
    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    bert = BertModel(config, add_pooling_layer=False).eval()
    bert.load_state_dict(load_file(asset_path("minilm")), strict=False)
    ids = torch.tensor([encoder.tokenizer("How do vaccines work?")["input_ids"]])
    with torch.no_grad():
        mean = bert(input_ids=ids).last_hidden_state.mean(dim=1)[0].numpy()
    projected = encoder.model.project_query.weight.detach().numpy() @ mean
    expected = projected / np.linalg.norm(projected)
    np.testing.assert_allclose(encoder.encode_questions(["How do vaccines work?"])[0], expected, atol=1e-5)
