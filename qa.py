"""LongFormQA: a question goes in, an answer with its passages and their scores comes out; and the command line.

It holds the retriever and the generators together. It knows nothing of the page.

    python qa.py "Why is the sky blue?"
    python qa.py "Why is the sky blue?" --json
    python qa.py --questions questions.jsonl --output answers.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from answers import MOST_CANDIDATES, Answer, AskSettings, Evidence, QuestionError, check_question
from core.memory import give_back_memory
from generator.abstention import says_lacking
from generator.attribution import Checker, NearestSentence, TracedSentence, trace
from generator.base import GenerationSettings, Generator, ReadPassage
from generator.candidates import Kept, keep_best, more_answers
from generator.registry import EMBEDDED, load_generator
from generator.support.choose import UNSUPPORTED_WAYS
from retriever.search import METHODS, Hit, Retriever, RetrieverPlan


class LongFormQA:
    """The whole system: one retriever, and generators by name, loaded when first used.

    Example:
        >>> qa = LongFormQA.load()  # doctest: +SKIP
        >>> print(qa.ask("Why is the sky blue?").text)  # doctest: +SKIP
    """

    def __init__(
        self,
        retriever: Retriever | RetrieverPlan,
        generators: dict[str, Generator] | None = None,
        load_checker: Callable[[], Checker] | None = None,
    ) -> None:
        """Hold the parts.

        Args:
            retriever: loaded, or to be opened when it is first used.
            generators: those that are loaded already, by name.
            load_checker: loads what checks sentences; without it, a sentence's support is its cosine with the nearest
                passage sentence.
        """
        self._retriever = retriever
        self._opening = threading.Lock()
        self._load_checker = load_checker
        self._checker: Checker | None = None
        self._generators = dict(generators or {})
        self._checkpoint = ""
        self._loading = threading.Lock()

    @classmethod
    def load(cls, index: Path | str | None = None, later: bool = False) -> LongFormQA:
        """Load the retriever; generators follow when they are first asked for.

        Args:
            index: an index folder, or "hf:user/name"; None for the embedded vital articles, fetched where missing.
            later: whether the retriever, too, is only loaded when it is first used.

        Raises:
            data.assets.AssetError: an asset is missing and cannot be fetched.
            retriever.index.IndexFolderError: the folder is no index, or one of another model.
        """
        retriever = RetrieverPlan.of(index) if later else Retriever.load(index)
        return cls(retriever, load_checker=_load_support_model)

    @property
    def retriever(self) -> Retriever:
        """What finds passages, opened on first use."""
        with self._opening:
            if isinstance(self._retriever, RetrieverPlan):
                self._retriever = self._retriever.open()
            return self._retriever

    def card(self) -> dict[str, Any]:
        """What is searched; see `Retriever.card`."""
        return self._retriever.card()

    def is_loaded(self, generator: str) -> bool:
        """Whether a question to this generator is answered without loading anything first."""
        loaded = not isinstance(self._retriever, RetrieverPlan) and self._checker is not None
        return loaded and generator in self._generators

    @property
    def checker(self) -> Checker:
        """What judges whether passages support a sentence, loaded on first use."""
        with self._loading:
            if self._checker is None:
                load = self._load_checker or (lambda: NearestSentence(self.retriever.embed_texts))
                self._checker = load()
            return self._checker

    def generator(self, name: str) -> Generator:
        """The generator of that name, loaded on first use and kept.

        Raises:
            generator.base.GeneratorError: there is none of that name, or it cannot be loaded.
        """
        with self._loading:
            if name not in self._generators:
                loaded = load_generator(name, self.retriever, lambda: self.checker)
                if name not in EMBEDDED:
                    # One checkpoint at a time: a visitor who tries many must not fill the memory.
                    self._generators.pop(self._checkpoint, None)
                    self._checkpoint = name
                self._generators[name] = loaded
            return self._generators[name]

    def load_all(self, generator: str) -> None:
        """Load everything that answering with a generator needs, so that the first question waits for nothing.

        Raises:
            generator.base.GeneratorError: there is no such generator, or it cannot be loaded.
        """
        self.generator(generator)
        _ = self.checker
        give_back_memory()

    def retrieve(self, question: str, settings: AskSettings | None = None) -> list[Hit]:
        """Only find the passages, best first.

        Raises:
            QuestionError: the question cannot be asked as it stands.
        """
        settings = settings or AskSettings()
        return self.retriever.search(
            check_question(question), settings.passages, settings.retrieval, seed=settings.generation.seed
        )

    def trace(self, text: str, passages: Sequence[str], titles: Sequence[str] = ()) -> list[TracedSentence]:
        """Each sentence of any text with the passage sentence that supports it; see `generator.attribution.trace`.

        Args:
            text: an answer.
            passages: what was read, in order.
            titles: of the same passages; left out where they are not known.
        """
        named = list(titles) or [""] * len(passages)
        return trace(text, list(zip(named, passages, strict=True)), self.checker)

    def ask(self, question: str, settings: AskSettings | None = None, stop: threading.Event | None = None) -> Answer:
        """Answer a question: the last snapshot of `stream`."""
        *_, answer = self.stream(question, settings, stop)
        return answer

    def stream(
        self, question: str, settings: AskSettings | None = None, stop: threading.Event | None = None
    ) -> Iterator[Answer]:
        """Answer a question step by step.

        Args:
            question: 2 to `LONGEST_QUESTION` characters.
            settings: the defaults when None.
            stop: set from any thread to end at the next token.

        Yields:
            Snapshots; the first has stage "retrieving", the last "done". Evidence is there from "reading" on.

        Raises:
            QuestionError: the question cannot be asked as it stands.
            generator.base.GeneratorError: the generator cannot be loaded.
        """
        settings = settings or AskSettings()
        stop = stop or threading.Event()
        answer = Answer(check_question(question), settings=settings)
        yield answer
        generator = self.generator(settings.generator)
        start = time.perf_counter()
        answer = self._retrieved(answer, generator, start)
        yield answer
        for step in self._written(answer, generator, stop, start):
            answer = step
            yield answer
        yield replace(answer, stage="tracing")
        give_back_memory()
        yield self._traced(answer, generator, stop, start)
        give_back_memory()

    def _retrieved(self, answer: Answer, generator: Generator, start: float) -> Answer:
        """With passages, and what the generator will read of them."""
        settings = answer.settings
        hits = self.retriever.search(
            answer.question, settings.passages, settings.retrieval, seed=settings.generation.seed
        )
        read = generator.read(answer.question, [hit.passage for hit in hits])
        evidence = tuple(Evidence(hit, part.status, part.text) for hit, part in zip(hits, read, strict=True))
        return replace(
            answer,
            stage="reading",
            evidence=evidence,
            seconds={"retrieve": time.perf_counter() - start},
            score_name=self.retriever.score_name(settings.retrieval),
            low_scores=self.retriever.low_scores(hits, settings.retrieval),
        )

    def _written(self, answer: Answer, generator: Generator, stop: threading.Event, start: float) -> Iterator[Answer]:
        """The answer growing, from exactly what was read."""
        read = [ReadPassage(part.hit.passage, part.status, part.read_text) for part in answer.evidence]
        began = time.perf_counter()
        for step in generator.stream(answer.question, read, answer.settings.generation, stop):
            if step.stage == "reading":
                continue
            seconds = answer.seconds
            if "encode" not in seconds:
                now = time.perf_counter()
                seconds = seconds | {"encode": now - began, "first_token": now - start}
            answer = replace(answer, stage="writing", text=step.text, stopped=step.stopped, seconds=seconds)
            yield answer

    def _traced(self, answer: Answer, generator: Generator, stop: threading.Event, start: float) -> Answer:
        """Finished: the best of the answers, every sentence with its evidence, and whether it is an answer at all."""
        settings = answer.settings
        read = [ReadPassage(part.hit.passage, part.status, part.read_text) for part in answer.evidence]
        more = more_answers(generator, answer.question, read, settings.generation, settings.candidates - 1, stop)
        kept = keep_best(
            answer.question,
            [answer.text, *more],
            [(part.passage.title, part.text) for part in read],
            self.checker,
            self.retriever.embed_questions,
            self.retriever.embed_texts,
            "keep" if stop.is_set() else settings.unsupported,
        )
        supported = any(sentence.passage is not None for sentence in kept.sentences)
        answerable = supported and not answer.low_scores and not says_lacking(kept.text)
        return replace(
            answer,
            stage="done",
            text=kept.text,
            sentences=kept.sentences,
            answerable=answerable,
            seconds=answer.seconds | {"total": time.perf_counter() - start},
            note=_note(answer, kept),
        )


def _load_support_model() -> Checker:
    """The support model that comes with the program."""
    from generator.support.model import SupportModel

    return SupportModel.load()


def _note(answer: Answer, kept: Kept) -> str:
    """What a reader should know about this answer, if anything."""
    if answer.stopped:
        return "Stopped before its end." if answer.text else "Stopped before the first sentence was whole."
    if not answer.evidence:
        return "No passages were retrieved, so nothing here is backed by a source."
    if answer.low_scores:
        return "Every score is low: the passages probably do not hold the answer."
    if kept.lacking:
        return "The generator's answer had no support in the passages, so it is not shown."
    if kept.dropped:
        left_out = "A sentence" if kept.dropped == 1 else f"{kept.dropped} sentences"
        return f"{left_out} without support in the passages {'was' if kept.dropped == 1 else 'were'} left out."
    return "" if answer.text else "The generator wrote no whole sentence."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for unusable arguments, 130 after Ctrl-C."""
    from batch import QuestionsFileError, answer_rows, begin
    from data.assets import AssetError
    from generator.base import GeneratorError, SettingsError
    from retriever.encode import EncoderError
    from retriever.index import IndexFolderError

    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.question is None) == (given.questions is None):
        parser.error("give either a question or --questions FILE")
    if (given.questions is None) != (given.output is None):
        parser.error("--questions and --output go together")
    try:
        settings = _settings(given)
        if given.question is not None:
            question = check_question(given.question)
            _print_answer(LongFormQA.load(given.index), question, settings, as_json=given.json)
        else:
            rows, done = begin(given.questions, given.output, settings)
            if done < len(rows):
                answer_rows(LongFormQA.load(given.index), rows, done, given.output, settings)
            sys.stderr.write(f"{given.output} holds all {len(rows)} answers\n")
    except (AssetError, EncoderError, GeneratorError, IndexFolderError) as error:
        return _fail(str(error))
    except (QuestionError, QuestionsFileError, SettingsError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename or 'no file named'}")
    except KeyboardInterrupt:
        hint = "; run the same command again to go on" if given.output else ""
        sys.stderr.write(f"\nstopped{hint}\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    """The arguments; defaults are those of the settings' own classes."""
    ask, write = AskSettings(), GenerationSettings()
    parser = argparse.ArgumentParser(
        prog="qa.py", description="Answer questions from Wikipedia passages, with the evidence of every sentence."
    )
    parser.add_argument("question", nargs="?", help="a question, in quotes")
    parser.add_argument("--questions", type=Path, metavar="FILE", help='answer each line {"question": …} of a file')
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where their answers go; a run that ended early goes on"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument(
        "--index", type=Path, metavar="DIR", help="an index folder, or hf:user/name; default: the vital articles"
    )
    parser.add_argument("--retrieval", default=ask.retrieval, help=f"{', '.join(METHODS)} (default {ask.retrieval})")
    parser.add_argument("--passages", type=int, default=ask.passages, help=f"how many (default {ask.passages})")
    parser.add_argument(
        "--generator",
        default=ask.generator,
        metavar="NAME_OR_PATH",
        help=f"extractive, fused, or a seq2seq checkpoint's name or folder (default {ask.generator})",
    )
    parser.add_argument(
        "--candidates",
        type=int,
        default=ask.candidates,
        help=f"write so many answers and keep the best supported, 1 to {MOST_CANDIDATES} (default {ask.candidates})",
    )
    parser.add_argument(
        "--unsupported",
        default=ask.unsupported,
        help=f"sentences without support: {', '.join(UNSUPPORTED_WAYS)} (default {ask.unsupported})",
    )
    for option in fields(GenerationSettings):
        default = getattr(write, option.name)
        parser.add_argument(
            f"--{option.name.replace('_', '-')}", type=type(default), default=default, help=f"(default {default})"
        )
    return parser


def _settings(given: argparse.Namespace) -> AskSettings:
    """The arguments as settings, which check themselves."""
    generation = GenerationSettings(
        **{option.name: getattr(given, option.name) for option in fields(GenerationSettings)}
    )
    return AskSettings(
        given.retrieval, given.passages, given.generator, generation, given.candidates, given.unsupported
    )


def _print_answer(qa: LongFormQA, question: str, settings: AskSettings, as_json: bool) -> None:
    """Answer one question on the terminal."""
    answer = qa.ask(question, settings)
    if as_json:
        sys.stdout.write(json.dumps(answer.to_json(), ensure_ascii=False, indent=2) + "\n")
        return
    lines = [answer.text or "(no answer)", ""]
    if answer.note:
        lines += [answer.note, ""]
    for evidence in answer.evidence:
        hit = evidence.hit
        lines.append(f"[{hit.rank}] {answer.score_name} {hit.score:.3f}  {hit.passage.title}  {hit.passage.url}")
    lines += [
        f"    {sentence.label}, passage {sentence.passage or '–'}: {sentence.text}" for sentence in answer.sentences
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
