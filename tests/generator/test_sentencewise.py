"""Writing sentence by sentence, over a model whose text depends on which passages it sees."""

import threading

import pytest
import torch

from generator.base import GenerationSettings
from generator.decoding import Voice
from generator.grounding import Source
from generator.sentencewise import SentenceWriter

TIDE = "Tides are the rise of the sea. They are caused by the Moon."
FLUTE = "The flute has no reed. It is a woodwind instrument."
SOURCES = [Source.of("Tide", TIDE), Source.of("Flute", FLUTE)]
VIEWS = torch.tensor([[True, True], [True, False], [False, True]])
END = "<end>"


class Scripted:
    """A decoder that writes, word by word, the script of what it sees; copies fork as `DecoderState` does."""

    def __init__(self, scripts: dict[tuple[bool, ...], str], views=VIEWS[:1], rows=None) -> None:
        self.scripts = {view: [*text.split(), END] for view, text in scripts.items()}
        self.words = sorted({word for script in self.scripts.values() for word in script})
        self.views, self.rows = views, rows or [[] for _ in views]

    def fork(self, views, back=0):
        # Forgetting the last word and feeding it again under another view changes nothing of what was written.
        row = self.rows[0]
        fork = Scripted.__new__(Scripted)
        fork.scripts, fork.words, fork.views = self.scripts, self.words, views
        fork.rows = [list(row[: len(row) - back] if row else []) for _ in views]
        fork.skip = 1 if back and not row else 0
        return fork

    skip = 0

    def logits(self, written, view) -> torch.Tensor:
        script = self.scripts[tuple(view.tolist())]
        following = script[len(written)] if len(written) < len(script) else END
        return torch.nn.functional.one_hot(torch.tensor(self.words.index(following)), len(self.words)) * 20.0

    def feed_all(self, tokens, parents=None):
        if parents is not None:
            self.rows = [list(self.rows[parent]) for parent in parents]
            self.views = self.views[list(parents)]
        outputs = []
        for row, view, new in zip(self.rows, self.views, tokens, strict=True):
            steps = []
            for token in new:
                if not self.skip:
                    row.append(token)
                steps.append(self.logits(row, view))
            outputs.append(torch.stack(steps))
        self.skip = 0
        return torch.stack(outputs)

    def feed(self, tokens, parents=None):
        return self.feed_all(tokens, parents)[:, -1]


def write(both: str, tide: str = TIDE, flute: str = FLUTE, stop=None, **settings) -> list[str]:
    state = Scripted(dict(zip([tuple(view.tolist()) for view in VIEWS], (both, tide, flute), strict=True)))
    voice = Voice(lambda tokens: " ".join(state.words[token] for token in tokens), state.words.index(END))
    own = GenerationSettings(repetition_penalty=1.0, no_repeat_ngram=0, **{"min_words": 0, "max_words": 60} | settings)
    writer = SentenceWriter(state, VIEWS, SOURCES, voice, own)
    return list(writer.write(state.logits([], VIEWS[0])[None], 0, stop or threading.Event()))


def test_sound_sentences_stay_as_they_are_and_the_text_grows_by_words():
    texts = write(TIDE)
    assert texts[-1] == TIDE and texts[:2] == ["Tides", "Tides are"]


def test_a_welded_sentence_is_written_again_from_one_passage():
    texts = write("Tides are a woodwind instrument. They are caused by the Moon.", flute="Nothing of that here.")
    assert "Tides are a woodwind instrument." in texts
    assert texts[-1] == TIDE


def test_a_straying_second_sentence_is_dropped_when_no_passage_has_a_better_one():
    strays = "Tides are the rise of the sea. It is a woodwind instrument."
    assert write(strays, tide=strays, flute=strays)[-1] == "Tides are the rise of the sea."


def test_what_the_passages_lack_is_said_as_it_is():
    text = "The passages don't say why. They do say that tides are caused by the Moon."
    assert write(text)[-1] == text


def test_a_repeated_sentence_ends_the_answer():
    assert write("Tides are the rise of the sea. Tides are the rise of the sea.", tide=END)[-1] == (
        "Tides are the rise of the sea."
    )


def test_the_longest_answer_is_kept():
    assert write(TIDE, max_words=8)[-1] == "Tides are the rise of the sea."


@pytest.mark.parametrize("after", [0, 3])
def test_stop_ends_it_with_whole_sentences(after):
    stop = threading.Event()
    state_texts = []
    stop.set() if after == 0 else None
    state = Scripted({tuple(view.tolist()): TIDE for view in VIEWS})
    voice = Voice(lambda tokens: " ".join(state.words[token] for token in tokens), state.words.index(END))
    own = GenerationSettings(repetition_penalty=1.0, no_repeat_ngram=0, min_words=0)
    for text in SentenceWriter(state, VIEWS, SOURCES, voice, own).write(state.logits([], VIEWS[0])[None], 0, stop):
        state_texts.append(text)
        if len(state_texts) == after:
            stop.set()
    assert state_texts[-1] == ""


@pytest.mark.assets
def test_a_real_model_keeps_to_its_lengths_and_streams(corpus):
    from data.sentences import is_complete
    from generator.fused import FusedGenerator

    generator = FusedGenerator.load(adapter=None)
    settings = GenerationSettings(decoding="sentences", min_words=10, max_words=40)
    read = generator.read("What is honey?", [corpus[6], corpus[2]])
    steps = list(generator.stream("What is honey?", read, settings))
    assert steps[-1].stage == "done" and is_complete(steps[-1].text)
    assert len(steps[-1].text.split()) <= 40 and len(steps) > 10
