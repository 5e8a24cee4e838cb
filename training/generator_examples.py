"""Training examples for generators: questions with their answers, and the passages that they are to be read with.

As at run time the passages are those that the retriever finds; gold ones (the articles that an answer was written
from) are put in where they are missing. Each example is drawn by its own random numbers, from the seed, the epoch and
its place, so that a resumed run sees the same ones. It knows questions and passages, no model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

from core.records import Found, Passage, Retrieved
from core.sentences import split_sentences
from data.questions import Question, QuestionSetError, missing_titles, passages_by_title
from retriever.search import Retriever
from training.schedule import epoch_order

# Found for every question once; examples are drawn from these.
_DEPTH = 10


@dataclass(frozen=True)
class AnswerExample:
    """One question with its answer and the passages to read it with, in the order in which they are read.

    `wording` is that of the answer, see `core.settings.Settings`. Of a `partial` answer only the
    beginning is given: nothing is learnt of where it ends.
    """

    question: str
    answer: str
    passages: tuple[Passage, ...]
    wording: str = "close"
    partial: bool = False

    @property
    def retrieved(self) -> Retrieved:
        """The question with its passages, as a generator is given them."""
        return Retrieved(self.question, tuple(Found(rank, passage) for rank, passage in enumerate(self.passages, 1)))


@dataclass(frozen=True)
class Drawing:
    """How examples are drawn.

    Attributes:
        fewest, most: how many passages an example has, drawn evenly.
        gold_share: in this share of the examples, supporting passages that were not found replace the last found.
        shuffle: whether the passages' order is random instead of best first.
        seed: of everything random here.
    """

    fewest: int = 3
    most: int = 5
    gold_share: float = 0.8
    shuffle: bool = True
    seed: int = 0


class ExampleSource:
    """Questions of a file with what the retriever found for them; examples are drawn anew each epoch.

    Attributes:
        missing: titles that the questions name and the corpus lacks.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        retriever: Retriever,
        method: str = "mixed",
        wording: str = "close",
        sentences: int = 0,
    ) -> None:
        """Find the passages of every question, with a progress bar.

        Args:
            questions: with their answers.
            retriever: what finds passages.
            method: how it does, see `retriever.search.METHODS`.
            wording: of the answers, "close" to the passages or in their "own" words.
            sentences: examples have only so many of an answer's first sentences; 0 for all.

        Raises:
            QuestionSetError: there are no questions.
        """
        if not questions:
            raise QuestionSetError("there are no questions to train on: give a file with at least one line")
        titles = passages_by_title(retriever.index.passages)
        self.questions = list(questions)
        self.wording = wording
        self.sentences = sentences
        self.missing = missing_titles(questions, titles)
        self._found = [
            [hit.passage for hit in retriever.search(item.question, _DEPTH, method)]
            for item in tqdm(questions, desc="finding passages", unit="question", mininterval=0.5)
        ]
        self._gold = [[titles[title] for title in item.titles if title in titles] for item in questions]

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self.questions)

    def draw(self, number: int, epoch: int, drawing: Drawing) -> AnswerExample:
        """The example of a question in an epoch; the same arguments give the same example."""
        random_ = random.Random(f"{drawing.seed} {epoch} {number}")
        count = random_.randint(drawing.fewest, drawing.most)
        passages = self._found[number][:count]
        if random_.random() < drawing.gold_share:
            lacking = [passage for passage in self._gold[number] if passage not in passages][:count]
            passages = [*passages[: max(0, count - len(lacking))], *lacking]
        if drawing.shuffle:
            random_.shuffle(passages)
        return self._example(number, passages)

    def as_asked(self, number: int, passages: int) -> AnswerExample:
        """The example as a visitor would ask it: the best passages found, best first, nothing put in."""
        return self._example(number, self._found[number][:passages])

    def _example(self, number: int, passages: Sequence[Passage]) -> AnswerExample:
        item = self.questions[number]
        sentences = split_sentences(item.answer)
        partial = 0 < self.sentences < len(sentences)
        answer = " ".join(sentences[: self.sentences]) if partial else item.answer
        return AnswerExample(item.question, answer, tuple(passages), self.wording, partial)


@dataclass
class TrainingSet:
    """What a run learns from and is measured on.

    Attributes:
        main: the source of which every question is seen each epoch.
        drawing: how examples are drawn.
        held_out: examples whose loss decides which weights are kept, and when to end.
        dev: further examples whose loss is only reported; may be empty.
        mix: a second source, of which each epoch sees a random part, `mix_share` times as many as of the main one.
    """

    main: ExampleSource
    drawing: Drawing
    held_out: list[AnswerExample]
    dev: list[AnswerExample] = field(default_factory=list)
    mix: ExampleSource | None = None
    mix_share: float = 0.0

    def __len__(self) -> int:
        """How many examples an epoch has."""
        mixed = 0 if self.mix is None else min(len(self.mix), round(self.mix_share * len(self.main)))
        return len(self.main) + mixed

    def draw(self, number: int, epoch: int) -> AnswerExample:
        """The example with a number, from 0, in an epoch: the main source's come first."""
        if self.mix is None or number < len(self.main):
            return self.main.draw(number, epoch, self.drawing)
        chosen = epoch_order(len(self.mix), self.drawing.seed + 1, epoch)[number - len(self.main)]
        return self.mix.draw(int(chosen), epoch, self.drawing)
