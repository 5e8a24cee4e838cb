"""Asking a question on the page: from Ask, a chip or a link to the finished answer with its evidence.

An asked question is two events. `begin` runs at once, outside the queue: it checks what was asked and notes the run
under the session. `answer` waits for the one place at the model, takes that note and streams; meanwhile `wait` shows
the place in the line. So a wrong setting is named at once, Stop works for a question that still waits, and a question
asked anew replaces the one before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from core.errors import UserError
from core.records import Answer, Found, Previous, Retrieved, as_text, check_question
from core.settings import MOST_PASSAGES, Settings
from generator.finishing import split_answer
from qa import LongFormQA
from retriever.article_plan import is_live
from retriever.live.wiki import WikiError, parse_wiki
from ui import cards, passage_cards
from ui.bounds import TOO_MANY
from ui.controls import CONTROLS, by_name, control_values, to_settings
from ui.corpora import Corpora
from ui.errors import readable
from ui.follow_up import FollowUp
from ui.links import from_query, to_query
from ui.markup import problem, waiting
from ui.nearest import NearestQuestions, nearest_empty, nearest_html, random_question
from ui.offer import OWN, Offer
from ui.rating import Answered, RatingStrip
from ui.run_card import run_card, run_card_empty
from ui.runs import Run, Runs, throttled
from ui.snapshots import SnapshotError, Snapshots
from ui.status import place_in_line, status, status_error, status_kept, status_ready
from ui.stored import Stored, StoredError, read_stored
from ui.visits import Visits

GONE = "These passages are not held any more: ask the question again."
HERE = "kept in this browser"
FURTHER = 4  # passages at a time
FAILED = "It ended with an error."
# Component → its new value; components that are not named stay as they are.
View = dict[Any, Any]
Place = Callable[[str], tuple[int, int] | None]


@dataclass(frozen=True)
class Shown:
    """What is shown, as far as more passages can be searched for it.

    Attributes:
        question: of the answer.
        settings: with what it was made.
        texts: of its passages.
        later: passages that were searched for afterwards.
        score_name: of theirs.
        previous: what the question follows.
    """

    question: str
    settings: Settings
    texts: tuple[str, ...]
    later: tuple[Found, ...] = ()
    score_name: str = ""
    previous: Previous | None = None


@dataclass(frozen=True)
class Parts:
    """The components that answering a question changes, and the rating strip below the answer."""

    box: gr.Textbox
    controls: list[Any]
    status: gr.HTML
    line: gr.HTML
    answer: gr.HTML
    passages: gr.HTML
    stop: gr.Button
    run_card: gr.HTML
    nearest: gr.HTML
    opened: gr.Textbox
    strip: RatingStrip
    elsewhere: gr.Button
    target: gr.State
    more: gr.HTML
    further: gr.Button
    shown: gr.State
    follow: FollowUp

    def view(self) -> list[Any]:
        """Everything that may change while a question is answered."""
        shown = [self.status, self.answer, self.passages, self.stop, self.run_card, self.nearest]
        return [
            *shown,
            self.elsewhere,
            self.target,
            *self.further_view(),
            *self.follow.outputs(),
            *self.strip.outputs(),
        ]

    def further_view(self) -> list[Any]:
        """What changes when more passages are searched for."""
        return [self.more, self.further, self.shown]


class Asking:
    """The handlers of one page."""

    def __init__(
        self,
        qa: LongFormQA,
        parts: Parts,
        nearest: NearestQuestions,
        place: Place,
        corpora: Corpora,
        visits: Visits | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        """Hold what is needed; no session yet.

        Args:
            qa: the loaded system.
            parts: what is shown where.
            nearest: finds the nearest written question.
            place: a session's key → its place in the line from 1 and the line's length; None if it does not wait.
            corpora: what may be read, and its offer; a link without a generator means the first that is offered.
            visits: what visitors dropped, which only they may ask; None where they drop nothing.
            snapshots: where answers go that visitors share; None where they cannot be shared.
        """
        self.qa = qa
        self.visits = visits or Visits(qa)
        self.parts = parts
        self.nearest = nearest
        self.place = place
        self.corpora = corpora
        self.offer = corpora.offer
        self.snapshots = snapshots
        self.runs = Runs()

    def begin(self, request: gr.Request, question: str, *values: object) -> View:
        """Check what is asked and note it; what was shown before stays if it cannot be asked."""
        return self._begin(session_of(request), question, values)

    def follow(self, request: gr.Request, question: str, *values: object) -> View:
        """The same for a question that follows the answer which is shown."""
        session = session_of(request)
        run = self.runs.newest(session)
        if run is None or run.answered is None:
            return {self.parts.status: status_error("There is no finished answer to follow: ask in the box above.")}
        return self._begin(session, question, values, run.answered)

    def _begin(self, session: str, question: str, values: Sequence[object], previous: Previous | None = None) -> View:
        """Check what is asked and note it."""
        try:
            asked, settings = check_question(question or ""), to_settings(by_name(values), self._offer(session))
        except Exception as error:
            return {self.parts.status: status_error(readable(error))}
        self.runs.begin(session, asked, settings, previous=previous)
        return self._cleared(asked, settings, previous)

    def _offer(self, session: str) -> Offer:
        """What a session may choose."""
        return self.visits.offer(self.offer, session)

    def open(self, request: gr.Request, kept: str = "") -> View:
        """The page was opened, perhaps by a link: show what is kept of it, or fill in what it asks and note the run.

        Args:
            request: with the address.
            kept: the answer that the browser kept for the address, as JSON; "" for none.
        """
        query = {name: str(value) for name, value in dict(request.query_params or {}).items()}
        question, named = from_query(query)
        if not question:
            return {self.parts.opened: ""}
        filled: View = {self.parts.box: question, self.parts.opened: ""}
        if name := query.get("s", ""):
            return filled | self._open_snapshot(session_of(request), name, question)
        values = control_values(named, self.offer.generator)
        try:
            asked, settings = check_question(question), to_settings(values, self._offer(session_of(request)))
        except Exception as error:
            return filled | {self.parts.status: status_error(readable(error))}
        filled |= self._controls(settings)
        if kept:
            with suppress(StoredError):  # else it is asked anew
                return filled | self._kept(session_of(request), read_stored(kept), HERE)
        name = settings.index or self.offer.indexes[0]
        if is_live(name):
            # Whoever follows a link has not been told yet where the words go.
            return filled | {self.parts.status: status_ready(parse_wiki(name).host)}
        run = self.runs.begin(session_of(request), asked, settings)
        return filled | self._cleared(asked, settings) | {self.parts.opened: run.id}

    def show(self, request: gr.Request, kept: str) -> View:
        """Show an answer that the browser kept, instead of what is shown now."""
        try:
            stored = read_stored(kept)
        except StoredError as error:
            return {self.parts.status: status_error(str(error))}
        session = session_of(request)
        filled: View = {self.parts.box: stored.answer.question}
        with suppress(UserError):  # what is not offered any more cannot be chosen either
            filled |= self._controls(self._offer(session).check(stored.answer.settings))
        return filled | self._kept(session, stored, HERE)

    def _open_snapshot(self, session: str, name: str, question: str) -> View:
        """Show a shared answer; where it is gone, its question is in the box."""
        try:
            if self.snapshots is None:
                raise SnapshotError(
                    "Shared answers are not kept here. The question is in the box: press Ask to ask it."
                )
            stored = read_stored(self.snapshots.read(name))
        except UserError as error:
            return {self.parts.status: status_error(str(error))}
        link = f"{to_query(question, stored.answer.settings)}&s={name}"
        return self._kept(session, replace(stored, run=f"shared-{name}"), "and shared as it was", link)

    def share(self, run: str) -> str:
        """Keep an answer for others.

        Returns:
            The query string that shows it, or why there is none; it does not begin with "?" then.
        """
        answered = self.parts.strip.finished.find(run)
        if self.snapshots is None or answered is None:
            return "This answer is not held any more: ask the question again, then share it."
        answer = {name: value for name, value in answered.answer.items() if name != "run"}
        try:
            name = self.snapshots.keep(run, answer)
        except Exception as error:
            return readable(error)
        return f"{to_query(answer['question'], Settings.parse(answer['settings']))}&s={name}"

    def more(self, shown: Shown | None) -> View:
        """Search for the next passages, without asking anew."""
        parts = self.parts
        if shown is None:
            return {parts.more: problem(GONE), parts.further: gr.Button(visible=False)}
        known = [*shown.texts, *(part.passage.text for part in shown.later)]
        settings = replace(shown.settings, passages=min(MOST_PASSAGES, len(known) + FURTHER))
        try:
            retrieved = self.qa.retrieve(shown.question, settings, shown.previous)
        except Exception as error:
            return {parts.more: problem(readable(error))}
        fresh = [part for part in retrieved.found if part.passage.text not in known]
        numbered = [replace(part, rank=len(known) + number) for number, part in enumerate(fresh, 1)]
        shown = replace(shown, later=(*shown.later, *numbered), score_name=retrieved.score_name)
        cards_html = passage_cards.more_passages(shown.question, shown.later, shown.score_name)
        over = not fresh or settings.passages == MOST_PASSAGES
        said = waiting("No further passages were found.") if not fresh else ""
        return {parts.more: cards_html + said, parts.further: gr.Button(visible=not over), parts.shown: shown}

    def _controls(self, settings: Settings) -> View:
        """The controls at these settings."""
        chosen = settings.to_json()  # numbers, where a link has texts
        return dict(zip(self.parts.controls, (chosen[name] for name in CONTROLS), strict=True))

    def _kept(self, session: str, stored: Stored, where: str, link: str = "") -> View:
        """The view of an answer that was kept; it can be asked on."""
        parts, answer, run = self.parts, stored.answer, stored.run
        self.runs.show(session, answer)
        ratable = parts.strip.finished.find(run) is not None and bool(answer.text)
        try:
            card = run_card(answer, self.qa.card(answer.settings.index), run)
        except UserError:
            card = run_card_empty()
        return (
            {
                parts.status: status_kept(stored.time, where),
                parts.answer: cards.answer(
                    answer, run or "kept", time=stored.time, link=link, share=self.snapshots is not None and ratable
                ),
                parts.passages: passage_cards.passages(answer),
                parts.stop: gr.Button(interactive=False),
                parts.run_card: card,
                parts.nearest: nearest_empty(),
            }
            | (parts.strip.ready(run) if ratable else parts.strip.hidden())
            | parts.follow.ready(())
            | self._elsewhere("")
            | self._further(answer)
        )

    def _further(self, answer: Answer | None) -> View:
        """The button for more passages, where there may be some, and none of them yet."""
        can = answer is not None and bool(answer.found) and len(answer.found) < MOST_PASSAGES
        texts = tuple(part.passage.text for part in answer.found) if answer else ()
        shown = None
        if answer and can:
            shown = Shown(answer.question, answer.settings, texts, previous=answer.retrieved.previous)
        return {self.parts.more: "", self.parts.further: gr.Button(visible=can), self.parts.shown: shown}

    def _cleared(self, question: str, settings: Settings, previous: Previous | None = None) -> View:
        """The view of a question that was just asked."""
        parts = self.parts
        return (
            {
                parts.status: status("queued"),
                parts.answer: cards.answer(Answer(Retrieved(question, previous=previous), settings)),
                parts.passages: passage_cards.passages_empty("Waiting for the search…"),
                parts.stop: gr.Button(interactive=True),
                parts.run_card: run_card_empty(),
                parts.nearest: nearest_empty(),
            }
            | parts.strip.hidden()
            | parts.follow.hidden()
            | self._elsewhere("")
            | self._further(None)
        )

    async def wait(self, request: gr.Request) -> AsyncIterator[View]:
        """The place in the line, for as long as the session's run waits; it is only seen while the status says so."""
        session, shown = session_of(request), None
        yield {self.parts.line: ""}
        run = self.runs.newest(session)
        while run and not run.taken and not run.stop.is_set() and self.runs.is_newest(session, run):
            place = self.place(session)
            if place and place != shown:
                shown = place
                yield {self.parts.line: place_in_line(place)}
            await asyncio.sleep(0.25)

    def answer(self, request: gr.Request) -> Iterator[View]:
        """Stream the answer of the session's newest run; nothing if another event has it already."""
        session = session_of(request)
        run = self.runs.take(session)
        if run is None:
            yield {self.parts.stop: gr.skip()}
            return
        try:
            for view in self._views(run):
                if self.runs.is_newest(session, run):
                    yield view
        except Exception as error:
            message = readable(error)
            if self.runs.is_newest(session, run):
                local = self.corpora.local(run.settings[0].index) if isinstance(error, WikiError) else ""
                yield self._failed(message, run) | self._elsewhere(local)
        finally:
            run.stop.set()  # also when the page was closed: the generator ends at its next token

    def _views(self, run: Run) -> Iterator[View]:
        """Snapshots as HTML; what did not change is left out."""
        queued = time.perf_counter() - run.asked
        if run.stop.is_set():
            yield self._stopped_before(run)
            return
        stage, shown = "", 0
        loading = not self.qa.is_loaded(run.settings[0].generator, run.settings[0].index)
        for answer in throttled(self.qa.stream(run.question, run.settings[0], run.stop, run.previous)):
            answer = replace(answer, seconds={"queued": queued} | answer.seconds)
            withdrawn = left_out(run.shown, answer)
            view: View = {self.parts.answer: cards.answer(answer, run.id, withdrawn, share=self._can_share(answer))}
            if answer.stage != stage:
                heard = f"{answer.question} {answer.text or answer.note}" if answer.stage == "done" else ""
                view[self.parts.status] = status(answer.stage, answer.seconds, answer.stopped, loading, heard)
            if len(answer.found) != shown or answer.stage == "done" or answer.stage != stage == "retrieving":
                view[self.parts.passages] = passage_cards.passages(answer)
            if answer.stage == "done":
                view |= self._finished(run, answer)
            stage, shown, run.shown = answer.stage, len(answer.found), answer
            yield view

    def _finished(self, run: Run, answer: Answer) -> View:
        """What follows an answer: it can be rated, its run repeated, a written question is set beside it."""
        parts = self.parts
        index = answer.settings.index
        corpus = self.qa.corpus(index)
        own, near = index.startswith(OWN), self.nearest.find(answer.question, corpus)
        run.answered = answer.as_previous()
        declined = not answer.stopped and (answer.lacks or answer.retrieved.low_scores or not answer.found)
        if not own:  # what is rated is kept, and nothing of somebody's own documents is
            parts.strip.finished.add(run.id, Answered({"run": run.id} | cards.kept_json(answer), near, run.answered))
        return (
            {
                parts.stop: gr.Button(interactive=False),
                parts.run_card: run_card(answer, self.qa.card(index), run.id),
                parts.nearest: nearest_html(near, reveal=False),
            }
            | (parts.strip.ready(run.id) if answer.text and not own else parts.strip.hidden())
            | parts.follow.ready(self.nearest.suggest(answer.retrieved, corpus))
            | self._elsewhere(self.corpora.larger(index) if declined else "")
            | self._further(answer)
        )

    def _can_share(self, answer: Answer) -> bool:
        return self.snapshots is not None and bool(answer.text) and not answer.settings.index.startswith(OWN)

    def _elsewhere(self, index: str) -> View:
        """The button that asks the same question of another index; none where there is none."""
        label = self.corpora.invitation(index) if index else ""
        return {self.parts.elsewhere: gr.Button(label, visible=bool(index)), self.parts.target: index}

    def ask_elsewhere(self, request: gr.Request, target: str) -> View:
        """The question that was answered last, for the box, and the other index for its choice."""
        run = self.runs.newest(session_of(request))
        if run is None or not target:
            return {self.parts.box: gr.skip()}
        return {self.parts.box: run.question, self.corpora.choice: self.corpora.value(target)}

    def _stopped_before(self, run: Run) -> View:
        """The view of a run that was stopped while it waited."""
        note = "Stopped before it began."
        answer = Answer(Retrieved(run.question), run.settings[0], stage="done", stopped=True, note=note)
        return {
            self.parts.status: status("done", {}, stopped=True),
            self.parts.answer: cards.answer(answer),
            self.parts.passages: passage_cards.passages_empty("No passages were searched for."),
            self.parts.stop: gr.Button(interactive=False),
        }

    def stop(self, request: gr.Request) -> View:
        """Stop the session's run: at the next token if it is being answered, at once if it still waits."""
        run = self.runs.stop(session_of(request))
        return self._stopped_before(run) if run else {self.parts.stop: gr.skip()}

    def refused(self, request: gr.Request) -> View:
        """The queue did not take the run."""
        run = self.runs.newest(session_of(request))
        self.runs.leave(session_of(request))
        return self._failed(TOO_MANY, run)

    def _failed(self, message: str, run: Run | None) -> View:
        """It was not answered, and why; what was written by then stays."""
        view: View = {self.parts.status: status_error(message), self.parts.stop: gr.Button(interactive=False)}
        if run is None:
            return view
        before = run.shown or Answer(Retrieved(run.question), run.settings[0])
        ended = replace(before, stage="done", text=cards.written(before), sentences=(), stopped=True, note=FAILED)
        return view | {self.parts.answer: cards.answer(ended), self.parts.passages: passage_cards.passages(ended)}

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self.runs.leave(session_of(request))

    @staticmethod
    def random(question: str) -> str:
        """A random written question for the box."""
        return random_question(avoid=question or "")


def left_out(before: Answer | None, answer: Answer) -> str:
    """What was shown of an answer before and is no part of the finished one."""
    if before is None or answer.stage != "done":
        return ""
    shown = split_answer(cards.written(before), answer.settings)
    return as_text(each for each in shown if each.text not in answer.text)


def session_of(request: gr.Request) -> str:
    """The browser session's key."""
    return request.session_hash or ""
