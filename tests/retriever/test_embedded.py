"""The embedded encoder and index, on the real assets."""

import json

import numpy as np
import pytest

from data.assets import asset_path
from retriever import embedded
from retriever.encode import Encoder
from retriever.errors import IndexFolderError
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
    texts = [retriever.index.passages[int(row)].text for row in rows]
    recomputed = Encoder.load(exact=True).encode_passages(texts)
    assert np.einsum("rd,rd->r", recomputed, retriever.embed_texts(texts)).mean() > 0.99
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
    monkeypatch.setattr(embedded, "MANIFEST", path)
    with pytest.raises(IndexFolderError, match="python -m training.embedded"):
        embedded.load_embedded_index(Encoder.load().identity)


def minilm_mean(text: str, adapters: dict | None = None) -> np.ndarray:
    """The mean vector (384,) by transformers' own BertModel, with adapters added by numpy."""
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    bert = BertModel(config, add_pooling_layer=False).eval()
    bert.load_state_dict(load_file(asset_path("minilm")), strict=False)
    for name in {key.rpartition(".")[0] for key in adapters or {}}:
        weight = bert.get_parameter(f"{name}.weight")
        weight.data += torch.from_numpy(adapters[f"{name}.b"].numpy() @ adapters[f"{name}.a"].numpy())
    ids = torch.tensor([Encoder.load().tokenizer(text)["input_ids"]])
    with torch.no_grad():
        return bert(input_ids=ids).last_hidden_state.mean(dim=1)[0].numpy()


def test_documents_go_through_minilm_as_published_and_the_principal_directions():
    from safetensors.numpy import load_file

    rows = load_file(embedded.FOLDER / "projections.safetensors")["project_doc.weight"]
    np.testing.assert_allclose(rows @ rows.T, np.eye(128), atol=1e-5)
    expected = rows @ minilm_mean("Bees make honey.")
    encoded = Encoder.load(exact=True).encode_passages(["Bees make honey."])[0]
    np.testing.assert_allclose(encoded, expected / np.linalg.norm(expected), atol=1e-5)


def test_questions_go_through_minilm_with_the_adapters():
    from safetensors.torch import load_file

    tensors = load_file(embedded.FOLDER / "adapters.safetensors")
    own = {key.removeprefix("bert_query."): value for key, value in tensors.items() if key.startswith("bert_query.")}
    assert own and not any(key.startswith("bert_doc.") for key in tensors)
    expected = tensors["project_query.weight"].numpy() @ minilm_mean("How do vaccines work?", own)
    encoded = Encoder.load(exact=True).encode_questions(["How do vaccines work?"])[0]
    np.testing.assert_allclose(encoded, expected / np.linalg.norm(expected), atol=1e-5)
    assert sum((embedded.FOLDER / name).stat().st_size for name in ("adapters.safetensors",)) < 3_000_000


def test_the_default_keeps_up_with_its_teacher_and_mixed_search_is_better_still():
    """The figures that the README gives, on the development questions."""
    from data.questions import load_questions
    from evaluation.retrieval import evaluate, measure, relevant_passages

    questions = load_questions("dev")
    found = Retriever.load()
    relevant = relevant_passages(questions, found)
    rows = {name: measure(run, relevant) for name, run in evaluate(questions, found, ["dense", "mixed"]).items()}
    assert rows["dense"]["questions"] == 143
    assert rows["dense"]["recall@5"] >= 0.90 and rows["dense"]["mrr@10"] >= 0.73
    assert rows["mixed"]["recall@5"] >= 0.91 and rows["mixed"]["mrr@10"] >= 0.76
