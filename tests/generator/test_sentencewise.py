"""Writing sentence by sentence, over a model whose text depends on which passages it sees."""

import threading

import pytest
import torch

from core.settings import Settings
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


def writer(both: str, tide: str = TIDE, flute: str = FLUTE) -> tuple[SentenceWriter, torch.Tensor]:
    state = Scripted(dict(zip([tuple(view.tolist()) for view in VIEWS], (both, tide, flute), strict=True)))
    voice = Voice(lambda tokens: " ".join(state.words[token] for token in tokens), state.words.index(END))
    settings = Settings(repetition_penalty=1.0, no_repeat_ngram=0, min_words=0, max_words=60)
    return SentenceWriter(state, VIEWS, SOURCES, voice, settings), state.logits([], VIEWS[0])[None]


def test_a_draft_grows_by_words_and_is_one_sentence():
    own, logits = writer(TIDE)
    texts = list(own.draft(logits, threading.Event()))
    assert texts[:2] == ["Tides", "Tides are"]
    assert own.drafted.text == "Tides are the rise of the sea." and own.is_good(own.drafted)


def test_a_welded_sentence_is_not_good_and_each_passage_gives_one_of_its_own():
    own, logits = writer("Tides are a woodwind instrument. So.", flute="Nothing of that here.")
    list(own.draft(logits, threading.Event()))
    assert own.drafted.text == "Tides are a woodwind instrument." and not own.is_good(own.drafted)
    alone = own.alone(0, threading.Event())
    assert [each.text for each in alone] == ["Tides are the rise of the sea.", "Nothing of that here."]
    assert [own.is_good(each) for each in alone] == [True, False]


@pytest.mark.parametrize("after", [0, 3])
def test_stopped_in_mid_sentence_there_is_no_draft(after):
    stop = threading.Event()
    if not after:
        stop.set()
    own, logits = writer(TIDE)
    for number, _ in enumerate(own.draft(logits, stop), 1):
        if number == after:
            stop.set()
    assert own.drafted is None
