import math
import re

import numpy as np
import pytest
import Stemmer

from core.errors import SettingsError
from core.settings import METHODS
from retriever.search import Retriever

QUESTION = "Which woodwind instrument has a reed?"


def bm25_by_hand(texts: list[str], query: list[str], k1: float = 0.9, b: float = 0.4) -> list[float]:
    """Lucene's BM25 over stems, written out."""
    stem = Stemmer.Stemmer("english").stemWord
    stop = set("a an and are as at be but by for if in into is it no not of on or such that the their then".split())
    stop |= set("there these they this to was will with".split())
    documents = [[stem(word) for word in re.findall(r"\b\w\w+\b", text.lower()) if word not in stop] for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for word in map(stem, query):
            holding = sum(word in other for other in documents)
            idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            count = document.count(word)
            score += idf * count / (count + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


def texts(retriever: Retriever) -> list[str]:
    return [f"{passage.title}. {passage.text}" for passage in retriever.index.passages]


def cosines(retriever: Retriever) -> np.ndarray:
    passages = retriever.embed_texts([passage.text for passage in retriever.index.passages])
    return passages @ retriever.embed_questions([QUESTION])[0]


def found(hits) -> list[int]:
    return [int(hit.passage.id) for hit in hits]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [-1, 0, 1, 4, 12, 50])
def test_best_first_ranked_and_never_more_than_there_are(tiny_retriever, method, k):
    hits = tiny_retriever.search(QUESTION, k, method)
    assert len(hits) == (0 if method == "none" else max(0, min(k, 12)))
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.passage.id for hit in hits}) == len(hits)


def test_dense_scores_are_cosines(tiny_retriever):
    hits = tiny_retriever.search(QUESTION, 12, "dense")
    np.testing.assert_allclose([hit.score for hit in hits], cosines(tiny_retriever)[found(hits)], atol=1e-5)
    assert tiny_retriever.score_name("dense") == "cosine"


def test_sparse_scores_are_bm25(tiny_retriever):
    hits = tiny_retriever.search(QUESTION, 12, "sparse")
    expected = np.array(bm25_by_hand(texts(tiny_retriever), ["which", "woodwind", "instrument", "has", "reed"]))
    np.testing.assert_allclose([hit.score for hit in hits], expected[found(hits)], rtol=1e-4)
    assert hits[0].passage.title in ("Flute", "Oboe")


def test_mixed_scores_are_the_weighted_sum(tiny_retriever):
    hits = tiny_retriever.search(QUESTION, 12, "mixed")
    bm25 = np.array(bm25_by_hand(texts(tiny_retriever), ["which", "woodwind", "instrument", "has", "reed"]))
    expected = cosines(tiny_retriever) + 0.02 * bm25
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(expected)[::-1], atol=1e-5)
    assert tiny_retriever.score_name("mixed") == "cosine + 0.02 × BM25"


def test_random_passages_come_with_their_cosines_and_repeat_with_their_seed(tiny_retriever):
    hits = tiny_retriever.search(QUESTION, 4, "random", seed=3)
    np.testing.assert_allclose([hit.score for hit in hits], cosines(tiny_retriever)[found(hits)], atol=1e-5)
    assert found(hits) == found(tiny_retriever.search(QUESTION, 4, "random", seed=3))
    others = {tuple(sorted(found(tiny_retriever.search(QUESTION, 4, "random", seed=seed)))) for seed in range(20)}
    assert len(others) > 10


@pytest.mark.parametrize("question", ["", "😀", "为什么天空是蓝色的", "\x00\x01", "the of and", "${alert(1)}\\"])
@pytest.mark.parametrize("method", METHODS)
def test_odd_questions_are_searched_without_complaint(tiny_retriever, question, method):
    assert len(tiny_retriever.search(question, 3, method)) == (0 if method == "none" else 3)


def test_an_unknown_method_is_refused_with_the_known_ones(tiny_retriever):
    with pytest.raises(SettingsError, match="'magic'.*dense, sparse, mixed, none, random"):
        tiny_retriever.search(QUESTION, 3, "magic")


@pytest.mark.parametrize("method", METHODS)
def test_what_a_search_learnt_is_recorded_and_the_question_is_encoded_once(tiny_retriever, monkeypatch, method):
    expected = tiny_retriever.embed_questions([QUESTION])[0]
    encode, asked = tiny_retriever.encoder.encode_questions, []
    monkeypatch.setattr(
        tiny_retriever.encoder, "encode_questions", lambda questions: asked.extend(questions) or encode(questions)
    )
    result = tiny_retriever.find(QUESTION, 4, method, seed=3)
    assert asked == [QUESTION]
    np.testing.assert_array_equal(result.vector, expected)
    assert list(result.found) == tiny_retriever.search(QUESTION, 4, method, seed=3)
    assert result.question == QUESTION
    assert result.score_name == tiny_retriever.score_name(method)
    assert result.low_scores == tiny_retriever.low_scores(result.found, method)


def test_a_mixed_search_reads_the_words_of_the_corpus_once(tiny_retriever, monkeypatch):
    sparse, scored = tiny_retriever.index.sparse, []
    get_scores = sparse._model.get_scores
    monkeypatch.setattr(sparse._model, "get_scores", lambda tokens: scored.append(tokens) or get_scores(tokens))
    tiny_retriever.search(QUESTION, 4, "mixed")
    assert len(scored) == 1


def test_the_card_says_what_is_searched(tiny_retriever):
    card = tiny_retriever.card()
    assert card["passages"] == 12 and card["source"] == "twelve passages" and re.match(r"\d{4}-\d\d-\d\d", card["date"])


def test_words_that_no_passage_has_in_any_form_are_told(tiny_retriever):
    assert tiny_retriever.unknown_words("Why do FLUTES wrok with vacines, and not vacines?") == ["wrok", "vacines"]
    assert tiny_retriever.unknown_words("What are tides?") == []
