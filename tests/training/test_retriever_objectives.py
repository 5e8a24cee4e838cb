import logging
import random

import numpy as np
import pytest
import torch

from data.passages import Passage
from data.questions import Claim
from training.retriever_examples import Augmenter, RetrievalExample, claims_of_one_passage
from training.retriever_objectives import CorpusObjective, InBatchObjective, count_cut

EXAMPLES = [
    RetrievalExample("What is a flute?", ("A flute is a woodwind instrument.",), ("Chess is a board game.",)),
    RetrievalExample("What is honey?", ("Honey is a sweet food.",)),
    RetrievalExample("Why do tides rise?", ("The Moon pulls the water.",), ("Bread is a food.",)),
]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_the_batch_loss_is_that_of_numpy_with_and_without_checkpoints(tiny_encoder):
    documents = [example.documents[0] for example in EXAMPLES]
    documents += [text for example in EXAMPLES for text in example.negatives]
    scores = tiny_encoder.encode_questions([example.question for example in EXAMPLES])
    scores = scores @ tiny_encoder.encode_passages(documents).T / 0.1
    rows = -np.log(np.diag(softmax(scores)[:, :3]))
    columns = -np.log(np.diag(softmax(scores[:, :3].T)))
    expected = (rows.mean() + columns.mean()) / 2
    for size in (-1, 1, 2):
        objective = InBatchObjective(
            tiny_encoder.model, tiny_encoder.tokenizer, EXAMPLES, temperature=0.1, checkpoint_batch_size=size
        )
        assert objective.loss([0, 1, 2], random.Random(0)).item() == pytest.approx(expected, abs=1e-4)


def test_the_corpus_loss_is_that_of_numpy(tiny_encoder, tiny_index):
    texts = [passage.text for passage in tiny_index.passages]
    vectors = tiny_encoder.encode_passages(texts)
    objective = CorpusObjective(
        tiny_encoder.model, tiny_encoder.tokenizer, EXAMPLES, [[0, 1], [6], [2, 3, 11]], torch.from_numpy(vectors),
        temperature=0.1, others=0.2, distil=0.5,
    )  # fmt: skip
    probabilities = softmax(tiny_encoder.encode_questions([example.question for example in EXAMPLES]) @ vectors.T / 0.1)
    targets = np.zeros_like(probabilities)
    targets[0, [0, 1]] = 0.8, 0.2
    targets[1, 6] = 1
    targets[2, [2, 3, 11]] = 0.8, 0.1, 0.1
    # The model is still the one that is distilled.
    targets += 0.5 * probabilities
    expected = -(targets * np.log(probabilities)).sum(axis=1).mean()
    assert objective.loss([0, 1, 2], random.Random(0)).item() == pytest.approx(expected, abs=1e-4)


def test_made_queries_count_with_their_weight(tiny_encoder, tiny_index):
    vectors = torch.from_numpy(tiny_encoder.encode_passages([passage.text for passage in tiny_index.passages]))

    class Fixed(Augmenter):
        def draw(self, rng):
            return "The Moon", 3

    def loss(augmenter):
        objective = CorpusObjective(
            tiny_encoder.model, tiny_encoder.tokenizer, EXAMPLES, [[0], [6], [2]], vectors,
            distil=0, augmenter=augmenter, augmented=2 / 3, augmented_weight=0.25,
        )  # fmt: skip
        return objective.loss([0, 1, 2], random.Random(0)).item()

    scores = tiny_encoder.encode_questions(["The Moon"]) @ vectors.numpy().T / 0.05
    one = -np.log(softmax(scores)[0, 3])
    assert loss(Fixed(tiny_index.passages)) - loss(None) == pytest.approx(2 * 0.25 * one / 3, abs=1e-4)


def test_drawn_queries_lead_to_their_passage(corpus):
    claims = [("Bees eat nectar.", 6)]
    drawn = [Augmenter(corpus, claims).draw(random.Random(seed)) for seed in range(200)]
    for text, row in drawn:
        assert corpus[row].title in text or text in corpus[row].text or (text, row) == claims[0]
    assert {row for _, row in drawn} == set(range(12)) and claims[0] in drawn
    assert drawn[:5] == [Augmenter(corpus, claims).draw(random.Random(seed)) for seed in range(5)]


def test_only_supported_claims_of_a_single_known_passage_become_queries():
    def claim(number, near, supported):
        return Claim(number, f"claim {number}", near, near, supported, "close" if supported else "mixed")

    claims = [claim("a", ("Tide",), True), claim("b", ("Tide",), False), claim("c", ("Tide", "Moon"), True)]
    claims += [claim("d", ("Atlantis",), True), claim("e", ("Moon",), True)]
    rows = {passage.title: row for row, passage in enumerate([Passage("", t, "", "", "") for t in ("Tide", "Moon")])}
    assert claims_of_one_passage(claims, rows, frozenset("e")) == [("claim a", 0)]


def test_questions_that_are_too_long_are_counted_and_it_is_said(tiny_encoder, caplog):
    with caplog.at_level(logging.WARNING):
        assert count_cut(tiny_encoder.tokenizer, ["the " * 600, "the"], 512, "questions") == 1
    assert "1 of 2 questions are longer than 512 tokens (the longest has 602) and are cut there" in caplog.text
