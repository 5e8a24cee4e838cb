"""Decoding over a small table of next-token probabilities, against sums over all sequences."""

import itertools
import math
import threading

import pytest
import torch

from core.records import as_text
from core.sentences import is_complete
from core.settings import Settings
from generator.decoding import Voice, adjust_logits, decode, is_enough, sampling_probabilities
from generator.finishing import split_answer

END = 0
PLAIN = {"repetition_penalty": 1.0, "no_repeat_ngram": 0, "min_words": 0}


class Table:
    """A first-order Markov model over a few tokens."""

    def __init__(self, seed: int, size: int = 5):
        random = torch.Generator().manual_seed(seed)
        self.logits = torch.randn(size, size, generator=random) * 2
        self.first = torch.randn(1, size, generator=random) * 2
        self.beams = [()]

    def feed(self, tokens, parents=None):
        parents = parents if parents is not None else range(len(tokens))
        self.beams = [(*self.beams[parent], *row) for parent, row in zip(parents, tokens, strict=True)]
        return torch.stack([self.logits[beam[-1]] for beam in self.beams])

    def log_probability(self, sequence) -> float:
        rows = [self.first[0], *(self.logits[token] for token in sequence)]
        return sum(float(row.log_softmax(-1)[token]) for row, token in zip(rows, sequence, strict=False))


def letters(tokens) -> str:
    return "".join("xabcdefgh"[token] for token in tokens)


def words(tokens) -> str:
    return " ".join("xabcdefgh"[token] for token in tokens)


def last(table, settings, text_of=letters, stop=None) -> str:
    *_, text = [*decode(table.first, table.feed, Voice(text_of, END), settings, stop), ""][-2:][:1] or [""]
    return text


@pytest.mark.parametrize("seed", range(8))
def test_greedy_takes_the_likeliest_token_each_time(seed):
    table = Table(seed)
    expected, row = [], table.first[0]
    while len(expected) < 20 and int(row.argmax()) != END:
        expected.append(int(row.argmax()))
        row = table.logits[expected[-1]]
    assert last(table, Settings(max_words=5, **PLAIN)) == letters(expected)


@pytest.mark.parametrize("seed", range(8))
def test_wide_beams_find_the_best_of_all_sequences(seed):
    table = Table(seed, size=3)
    table.logits[:, END] += 3
    most = 4 * 5
    best, best_mean = None, -math.inf
    for length in range(7):
        for sequence in itertools.product([1, 2], repeat=length):
            mean = table.log_probability((*sequence, END)) / (length + 1)
            if mean > best_mean:
                best, best_mean = sequence, mean
    text = last(table, Settings(decoding="beams", beams=16, max_words=5, **PLAIN))
    found = tuple("xab".index(letter) for letter in text)
    ended = len(found) < most
    mean = table.log_probability((*found, END) if ended else found) / (len(found) + ended)
    # Beam search may find a longer and better one than those tried here, never a worse one.
    assert mean >= best_mean - 1e-5 and (found == best or len(found) >= 7)


def test_sampling_repeats_with_its_seed_and_differs_with_another():
    settings = [Settings(decoding="sampling", seed=seed, temperature=2.0, max_words=9, **PLAIN) for seed in range(9)]
    texts = [last(Table(1), one) for one in settings]
    assert texts == [last(Table(1), one) for one in settings]
    assert len(set(texts)) > 3


def test_top_p_keeps_the_fewest_tokens_that_hold_the_mass():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    settings = Settings(decoding="sampling", temperature=1.0, top_p=0.75)
    assert sampling_probabilities(logits, settings).tolist() == pytest.approx([0.5, 0.3, 0, 0])
    one = Settings(decoding="sampling", temperature=1.0, top_p=0.01)
    assert sampling_probabilities(logits, one).tolist() == pytest.approx([0.5, 0, 0, 0])
    cold = Settings(decoding="sampling", temperature=0.5, top_p=1.0)
    squares = [0.25, 0.09, 0.0225, 0.0025]
    assert sampling_probabilities(logits, cold).tolist() == pytest.approx([s / sum(squares) for s in squares])


def test_the_repetition_penalty_lowers_written_tokens_only():
    settings = Settings(repetition_penalty=2.0, no_repeat_ngram=0)
    adjusted = adjust_logits(
        torch.tensor([1.0, 2.0, -2.0, 3.0]), [1, 2, 1], settings, Voice(letters, END), forbid_end=False
    )
    assert adjusted.tolist() == [1.0, 1.0, -4.0, 3.0]


@pytest.mark.parametrize("decoding", ["greedy", "beams", "sampling"])
@pytest.mark.parametrize("seed", range(4))
def test_no_stretch_of_tokens_occurs_twice(decoding, seed):
    table = Table(seed)
    table.logits[:, END] = -30
    table.first[:, END] = -30
    settings = Settings(
        decoding=decoding, beams=3, min_words=0, max_words=10, repetition_penalty=1.0, no_repeat_ngram=3, seed=seed
    )
    text = last(table, settings)
    stretches = [text[start : start + 3] for start in range(len(text) - 2)]
    assert len(text) > 5 and len(stretches) == len(set(stretches))


@pytest.mark.parametrize("decoding", ["greedy", "beams", "sampling"])
def test_no_end_comes_before_the_shortest_answer(decoding):
    table = Table(0)
    table.logits[:, END] = 30
    table.first[:, END] = 30
    settings = Settings(decoding=decoding, beams=2, **PLAIN | {"min_words": 7}, max_words=50)
    assert len(last(table, settings, words).split()) == 7


@pytest.mark.parametrize("decoding", ["greedy", "beams", "sampling"])
def test_an_answer_without_end_is_given_up(decoding):
    table = Table(0)
    table.logits[:, END] = -30
    table.first[:, END] = -30
    settings = Settings(decoding=decoding, beams=2, max_words=5, **PLAIN)
    text = last(table, settings, words)
    assert len(text.split()) == 20 and as_text(split_answer(text, settings)) == ""


@pytest.mark.parametrize("decoding", ["greedy", "beams", "sampling"])
def test_stop_ends_at_the_next_token(decoding):
    table, stop = Table(0), threading.Event()
    table.logits[:, END] = -30
    table.first[:, END] = -30
    settings = Settings(decoding=decoding, beams=2, max_words=100, **PLAIN)
    texts = []
    for text in decode(table.first, table.feed, Voice(words, END), settings, stop):
        texts.append(text)
        if len(texts) == 5:
            stop.set()
    assert len(texts) == 5


def test_stopped_before_the_first_token_nothing_is_written():
    stop = threading.Event()
    stop.set()
    assert list(decode(Table(0).first, Table(0).feed, Voice(words, END), Settings(), stop)) == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", ""),
        ("cut in the mid", ""),
        ("One. Two. Thr", "One. Two."),
        ("Cats bit dogs. Cats bit dogs. Done.", "Cats bit dogs. Done."),
        ("One two three four five six seven. Eight.", "One two three four five six seven."),
        ("One two. Three four. Five six. Seven.", "One two. Three four."),
    ],
)
def test_an_answer_is_whole_sentences_within_its_length(text, answer):
    settings = Settings(min_words=0, max_words=5)
    assert as_text(split_answer(text, settings)) == answer
    assert not answer or is_complete(answer)


def test_a_repeated_sentence_is_enough():
    settings = Settings()
    assert not is_enough("One. Two. Three", 5, settings)
    assert is_enough("One. Two. One. Three", 7, settings)
