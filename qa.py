"""LongFormQA: a question goes in, an answer with its passages and their scores comes out; and the command line.

It holds the retriever and the generators together. It knows nothing of the page.

    python qa.py "Why is the sky blue?"
    python qa.py "Why is the sky blue?" --json
    python qa.py --questions questions.jsonl --output answers.jsonl
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.command import Parser, exit_status
from core.deadline import Ending
from core.errors import SettingsError
from core.memory import bound_shape_caches, give_back_memory
from core.records import Answer, Draft, Previous, Retrieved, Sentence, as_text, check_question, read_texts
from core.settings import DEFAULTS, DESCRIPTIONS, Settings
from core.terminal import remark, say, shown_json
from core.texts import as_given
from generator.base import Forgetful, Generator
from generator.judging import Judge, NearestSentence, trace
from generator.keeping import Kept, keep
from generator.lacking import not_answered, partly_answered, why_not_answered
from generator.registry import GENERATORS, Parts, load_generator
from generator.selecting import Selector
from retriever.corpus import Corpus, CorpusPlan
from retriever.registry import EMBEDDED, KINDS, LIVE_SECONDS, plan_corpus

if TYPE_CHECKING:
    from generator.selection.beyond import Beyond


# Of a question that seems to be about the asker or about today, passages hold the answer only from this confidence on:
# somebody's own documents may.
_SURE = 0.9


class LongFormQA:
    """The whole system: what can be searched, and generators by name; each is loaded when it is first used.

    Example:
        >>> qa = LongFormQA.load()  # doctest: +SKIP
        >>> print(qa.ask("Why is the sky blue?").text)  # doctest: +SKIP
    """

    def __init__(
        self,
        retriever: Corpus | CorpusPlan,
        generators: dict[str, Generator] | None = None,
        load_judge: Callable[[], Judge] | None = None,
        load_selector: Callable[[], Selector] | None = None,
        answer_seconds: float | None = None,
        others: Sequence[Corpus | CorpusPlan] = (),
    ) -> None:
        """Hold the parts.

        Args:
            retriever: what is searched where nothing else is named; loaded, or to be opened when it is first used.
            generators: those that are loaded already, by name.
            load_judge: loads what judges sentences; without it, a sentence's support is its cosine with the nearest
                passage sentence.
            load_selector: loads what tells which passage sentences answer a question, and whether they do; without it,
                every question is taken to be answered.
            answer_seconds: the longest that an answer may be written; None for no bound.
            others: what else can be searched.
        """
        self.answer_seconds = answer_seconds
        self._corpora = {each.card()["index"] or EMBEDDED: each for each in (retriever, *others)}
        self.indexes = tuple(self._corpora)
        self._opening = threading.Lock()
        self._load_judge = load_judge
        self._judge: Judge | None = None
        self._load_selector = load_selector
        self._selector: Selector | None = None
        self._beyond: Beyond | None = None
        # By name and encoder: a generator compares texts by the encoder of what is searched. "" is any.
        self._generators = {(name, ""): generator for name, generator in (generators or {}).items()}
        self._checkpoint = "", ""
        self._loading = threading.Lock()

    @classmethod
    def load(
        cls,
        index: Path | str | Sequence[str] | None = None,
        later: bool = False,
        seconds: float | str | None = None,
        answer_seconds: float | None = None,
    ) -> LongFormQA:
        """Load the retriever; generators follow when they are first asked for.

        Args:
            index: one of `retriever.registry.KINDS`, or several, of which the first is searched where none is named;
                None for the embedded vital articles, fetched where missing.
            later: whether the retriever, too, is only loaded when it is first used.
            seconds: for one question to a live wiki or a ZIM file; None for `retriever.article_plan.SECONDS`.
            answer_seconds: the longest that an answer may be written; None for no bound.

        Raises:
            data.assets.AssetError: an asset is missing and cannot be fetched.
            retriever.index.IndexFolderError: the folder is no index, or one of another model.
        """
        bound_shape_caches()
        alone = index is None or isinstance(index, (str, Path))
        named: list[Path | str | None] = [index] if alone else [*index]  # type: ignore[list-item, misc]
        first, *others = (plan_corpus(each, seconds=seconds) for each in named)
        retriever = first if later else first.open()
        return cls(
            retriever,
            load_judge=_load_support_model,
            load_selector=_load_selector,
            answer_seconds=answer_seconds,
            others=others,
        )

    @property
    def retriever(self) -> Corpus:
        """What finds passages where no index is named, opened on first use."""
        return self.corpus()

    def corpus(self, index: str = "") -> Corpus:
        """What is searched under a name, opened on first use and kept.

        Raises:
            SettingsError: nothing of that name is offered.
            core.errors.UserError: it cannot be opened.
        """
        name = self._named(index)
        with self._opening:
            corpus = self._corpora[name]
            if not isinstance(corpus, Corpus):
                corpus = self._corpora[name] = corpus.open()
            return corpus

    def hold(self, name: str, corpus: Corpus) -> None:
        """Search a corpus under a name that is not offered, until `release`: whoever holds the name may ask it."""
        with self._opening:
            self._corpora[name] = corpus

    def holds(self, name: str) -> bool:
        """Whether something can be searched under a name."""
        return name in self._corpora

    def release(self, name: str) -> None:
        """Forget what `hold` was given, and what generators keep of passages that they read: it may be of it."""
        with self._opening:
            held = self._corpora.pop(name, None)
        if held is None:
            return
        for part in (*list(self._generators.values()), self._selector, self._judge):
            if isinstance(part, Forgetful):
                part.forget()
        give_back_memory()

    def card(self, index: str = "") -> dict[str, Any]:
        """What is searched; see `Corpus.card`."""
        return self._corpora[self._named(index)].card()

    def is_loaded(self, generator: str, index: str = "") -> bool:
        """Whether a question to this generator is answered without loading anything first."""
        corpus = self._corpora[self._named(index)]
        selecting = self._load_selector is None or self._selector is not None
        if not isinstance(corpus, Corpus) or self._judge is None or not selecting:
            return False
        return not {(generator, ""), (generator, corpus.encoder.identity)}.isdisjoint(self._generators)

    def _named(self, index: str) -> str:
        """The name of an index; the first where none is named."""
        if index and index not in self._corpora:
            raise SettingsError(
                f"the index {as_given(index)} is not offered here; allowed are {', '.join(self.indexes)}"
            )
        return index or self.indexes[0]

    @property
    def judge(self) -> Judge:
        """What judges whether passages support a sentence, loaded on first use."""
        with self._loading:
            if self._judge is None:
                load = self._load_judge or (lambda: NearestSentence(self.retriever.embed_texts))
                self._judge = load()
            return self._judge

    @property
    def selector(self) -> Selector | None:
        """What tells which passage sentences answer a question, loaded on first use; None without one."""
        with self._loading:
            if self._selector is None and self._load_selector is not None:
                self._selector = self._load_selector()
            return self._selector

    def _needed_selector(self) -> Callable[[], Selector] | None:
        """Gives the selector where there is one."""

        def load() -> Selector:
            assert self.selector is not None
            return self.selector

        return None if self._load_selector is None else load

    def generator(self, name: str, index: str = "") -> Generator:
        """The generator of that name for what is searched, loaded on first use and kept.

        Raises:
            generator.base.GeneratorError: there is none of that name, or it cannot be loaded.
        """
        corpus = self.corpus(index)
        with self._loading:
            if kept := self._generators.get((name, "")):
                return kept
            key = name, corpus.encoder.identity
            if key not in self._generators:
                loaded = load_generator(name, Parts(corpus, lambda: self.judge, self._needed_selector()))
                if name not in GENERATORS:
                    # One checkpoint at a time: a visitor who tries many must not fill the memory.
                    self._generators.pop(self._checkpoint, None)
                    self._checkpoint = key
                self._generators[key] = loaded
            return self._generators[key]

    def load_all(self, generator: str) -> None:
        """Load everything that answering with a generator needs, so that the first question waits for nothing.

        Raises:
            generator.base.GeneratorError: there is no such generator, or it cannot be loaded.
        """
        self.generator(generator)
        _ = self.judge, self.selector
        give_back_memory()

    def retrieve(self, question: str, settings: Settings | None = None, previous: Previous | None = None) -> Retrieved:
        """Only find the passages, best first.

        A follow-up is searched together with the questions before it and, in the same index, with the title of the best
        article of the answer before, whose passages stay candidates.

        Raises:
            core.records.QuestionError: the question cannot be asked as it stands.
        """
        settings = settings or Settings()
        corpus, asked = self.corpus(settings.index), check_question(question)
        if previous is None:
            return corpus.find(asked, settings.passages, settings.retrieval, settings.seed)
        here = previous if previous.index == settings.index else Previous(previous.questions, said=previous.said)
        searched = " ".join(part for part in (*here.questions, here.title, asked) if part)
        found = corpus.find(searched, settings.passages, settings.retrieval, settings.seed, here.passages)
        hits = tuple(replace(part, kept=part.passage in here.passages) for part in found.found)
        return replace(found, question=asked, previous=here, found=hits)

    def previous(self, questions: Sequence[str], settings: Settings | None = None) -> Previous | None:
        """What a question follows that is asked after others: they and their passages, without their answers.

        Args:
            questions: in the order in which they were asked; None is followed where there are none.
            settings: as for `ask`.

        Raises:
            core.records.QuestionError: one of them cannot be asked as it stands.
        """
        settings, before = settings or Settings(), None
        for question in questions:
            before = Answer(self.retrieve(question, settings, before), settings).as_previous()
        return before

    def trace(self, text: str, passages: Sequence[str], titles: Sequence[str] = ()) -> tuple[Sentence, ...]:
        """Each sentence of any text with the passage sentence that supports it.

        Args:
            text: an answer.
            passages: what was read, in order; "" for what was not.
            titles: of the same passages; left out where they are not known.
        """
        return trace(text, read_texts(passages, titles), self.judge)

    def ask(
        self,
        question: str,
        settings: Settings | None = None,
        stop: threading.Event | None = None,
        previous: Previous | None = None,
    ) -> Answer:
        """Answer a question: the last snapshot of `stream`."""
        *_, answer = self.stream(question, settings, stop, previous)
        return answer

    def stream(
        self,
        question: str,
        settings: Settings | None = None,
        stop: threading.Event | None = None,
        previous: Previous | None = None,
    ) -> Iterator[Answer]:
        """Answer a question step by step.

        Args:
            question: 2 to `LONGEST_QUESTION` characters.
            settings: the defaults when None.
            stop: set from any thread to end at the next token.
            previous: what the question follows, of `Answer.as_previous`; None where it stands alone.

        Yields:
            Snapshots; the first has stage "retrieving", the last "done". Evidence is there from "reading" on.

        Raises:
            core.records.QuestionError: the question cannot be asked as it stands.
            generator.base.GeneratorError: the generator cannot be loaded.
        """
        settings = settings or Settings()
        stop = stop or threading.Event()
        answer = Answer(Retrieved(check_question(question), previous=previous), settings)
        yield answer
        generator = self.generator(settings.generator, settings.index)
        start = time.perf_counter()
        retrieved = self._selected(generator.read(self.retrieve(question, settings, previous)), settings.index)
        seconds = {"retrieve": time.perf_counter() - start}
        answer = replace(answer, retrieved=retrieved, stage="reading", seconds=seconds)
        yield answer
        began = time.perf_counter()
        ending = Ending(stop, self.answer_seconds)
        for draft in self._drafts(generator, retrieved, settings, ending):
            if "encode" not in answer.seconds:
                now = time.perf_counter()
                seconds = seconds | {"encode": now - began, "first_token": now - start}
            answer = replace(
                answer,
                stage="writing",
                text=draft.text,
                sentences=draft.sentences,
                stopped=draft.stopped,
                seconds=seconds,
            )
            yield answer
        yield replace(answer, stage="judging")
        give_back_memory()
        yield self._judged(answer, stop, start, ending.late)
        give_back_memory()

    def _selected(self, retrieved: Retrieved, index: str) -> Retrieved:
        """What was read, with what the selector says of it."""
        if self.selector is None or not retrieved.read:
            return retrieved
        selection = self.selector.select(retrieved)
        if selection.confidence < _SURE and self._beyond_kind(retrieved, index):
            selection = replace(selection, holds="no")
        return replace(retrieved, selection=selection)

    def _beyond_kind(self, retrieved: Retrieved, index: str) -> str:
        """Of what kind a question is that no encyclopedia answers; "" for others."""
        from generator.selection.beyond import Beyond

        self._beyond = self._beyond or Beyond.load()
        return self._beyond.kind(retrieved.vector, self.corpus(index).encoder.identity)

    def _drafts(
        self, generator: Generator, retrieved: Retrieved, settings: Settings, stop: threading.Event
    ) -> Iterator[Draft]:
        """What the generator writes; of what the passages don't hold it is said that they don't."""
        holds = retrieved.selection.holds if retrieved.selection and settings.unsupported != "keep" else "full"
        if holds == "no":
            yield Draft((not_answered(retrieved.question),), done=True)
            return
        for draft in generator.stream(retrieved, settings, stop):
            kinds = {draft.sentences[0].kind, draft.sentences[-1].kind} if draft.sentences else set()
            lacks = holds == "part" and draft.done and not draft.stopped and kinds and "lacking" not in kinds
            yield replace(draft, sentences=(*draft.sentences, partly_answered())) if lacks else draft

    def _hint(self, answer: Answer) -> str:
        """Why a question has no answer here, where that is known."""
        if answer.retrieved.selection is None or answer.holds != "no":
            return ""
        index, by_words = answer.settings.index, answer.settings.retrieval in ("mixed", "sparse")
        unknown = self.corpus(index).unknown_words(answer.question) if by_words else []
        return why_not_answered(answer.retrieved, self._beyond_kind(answer.retrieved, index), unknown)

    def _judged(self, answer: Answer, stop: threading.Event, start: float, late: bool) -> Answer:
        """Finished: every sentence with its evidence, and whether it is an answer at all; `late` if time was up."""
        retrieved = answer.retrieved
        unsupported = "keep" if stop.is_set() else answer.settings.unsupported
        kept = keep(retrieved, answer.sentences, self.judge, unsupported)
        done = replace(answer, stage="done", text=as_text(kept.sentences), sentences=kept.sentences)
        return replace(
            done,
            answerable=_answers(done),
            seconds=answer.seconds | {"total": time.perf_counter() - start},
            note=_late(done, self.answer_seconds) if late and done.stopped else _note(done, kept) or self._hint(done),
        )


def _answers(answer: Answer) -> bool:
    """Whether something that was said answers the question, as far as is known."""
    selection = answer.retrieved.selection
    holds = selection.holds != "no" if selection else not answer.retrieved.low_scores
    return holds and not answer.lacks and any(sentence.passage is not None for sentence in answer.sentences)


def _load_selector() -> Selector:
    """The selector that comes with the program."""
    from generator.selection.model import SelectorModel

    return SelectorModel.load()


def _load_support_model() -> Judge:
    """The support model that comes with the program."""
    from generator.support.model import SupportModel

    return SupportModel.load()


def _late(answer: Answer, seconds: float | None) -> str:
    """That the time was up."""
    ended = f"Ended after {seconds:g} s, the longest that an answer may be written here"
    return f"{ended}, with its last whole sentence." if answer.text else f"{ended}, before a sentence was whole."


def _note(answer: Answer, kept: Kept) -> str:
    """What a reader should know about this answer, if anything."""
    if answer.stopped:
        return "Stopped before its end." if answer.text else "Stopped before the first sentence was whole."
    if not answer.found:
        return "No passages were retrieved, so nothing here is backed by a source."
    if answer.retrieved.low_scores and answer.confidence is None:
        return "Every score is low: the passages probably do not hold the answer."
    if kept.replaced:
        return "The generator's answer had no support in the passages, so it is not shown."
    if kept.dropped:
        left_out = "A sentence" if kept.dropped == 1 else f"{kept.dropped} sentences"
        return f"{left_out} without support in the passages {'was' if kept.dropped == 1 else 'were'} left out."
    if answer.repeats:
        return "All of this stood in the answer before: nothing further was found for this question."
    return "" if answer.text else "The generator wrote no whole sentence."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.question is None) == (given.questions is None):
        parser.error("give either a question or --questions FILE")
    if (given.questions is None) != (given.output is None):
        parser.error("--questions and --output go together")
    if given.previous and given.questions is not None:
        parser.error("--previous goes with one question, not with --questions")
    hint = "" if given.questions is None else "; run the same command again to go on"
    return exit_status(lambda: _run(given), f"stopped{hint}")


def _run(given: argparse.Namespace) -> None:
    """Answer what is asked."""
    from batch import open_batch

    settings = _settings(given)
    if given.question is not None:
        question, before = check_question(given.question), [check_question(each) for each in given.previous]
        qa = LongFormQA.load(given.index, seconds=given.live_seconds)
        _print_answer(qa.ask(question, settings, previous=qa.previous(before, settings)), as_json=given.json)
        return
    with open_batch(given.questions, given.output, settings) as batch:
        if batch.left:
            qa = LongFormQA.load(given.index, seconds=given.live_seconds)
            qa.generator(settings.generator)
            batch.answer(qa.ask)
    remark(f"{given.output} holds all {len(batch.questions)} answers\n")


def _parser() -> argparse.ArgumentParser:
    """The arguments; those of the settings are made from their descriptions."""
    parser = Parser(
        prog="qa.py", description="Answer questions from Wikipedia passages, with the evidence of every sentence."
    )
    parser.add_argument("question", nargs="?", help="a question, in quotes")
    parser.add_argument(
        "--previous",
        metavar="QUESTION",
        action="append",
        default=[],
        help='what the question follows, such as "And why?"; several in their order',
    )
    parser.add_argument("--questions", type=Path, metavar="FILE", help='answer each line {"question": …} of a file')
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where their answers go; a run that ended early goes on. A line's own fields stay; where one is called as "
        'one of ours, such as "answer", ours are beside it in "long_form_qa"',
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--index", metavar="INDEX", help=f"{', '.join(KINDS)}; default: the vital articles")
    parser.add_argument("--live-seconds", metavar="SECONDS", help=LIVE_SECONDS)
    for name, about in DESCRIPTIONS.items():
        if about.control == "index":  # it has an option of its own, which opens it
            continue
        default = DEFAULTS[name]
        allowed = "" if about.is_name else f"; allowed {about.allowed}"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(default),
            default=default,
            metavar="NAME_OR_PATH" if about.is_name else None,
            help=f"{about.help}{allowed} (default {default})".replace("%", "%%"),
        )
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    """The arguments as settings, which check themselves."""
    return Settings(**{name: getattr(given, name) for name in DEFAULTS} | {"index": given.index or ""})


def _print_answer(answer: Answer, as_json: bool) -> None:
    """An answer on the terminal."""
    if as_json:
        say(shown_json(answer.to_json()) + "\n")
        return
    lines = [answer.text or "(no answer)", ""]
    if answer.note:
        lines += [answer.note, ""]
    name = answer.retrieved.score_name
    lines += [
        f"[{part.rank}] {name} {part.score:.3f}  {part.passage.title}  {part.passage.url}" for part in answer.found
    ]
    lines += [
        f"    {sentence.label}, passage {sentence.passage or '–'}: {sentence.text}" for sentence in answer.sentences
    ]
    say("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
