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
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from core.records import Answer, Previous, Retrieved, check_question
from qa import LongFormQA
from retriever.article_plan import is_live
from retriever.live.wiki import WikiError, parse_wiki
from ui import cards, passage_cards
from ui.controls import CONTROLS, by_name, control_values, to_settings
from ui.corpora import Corpora
from ui.errors import readable
from ui.follow_up import FollowUp
from ui.links import from_query
from ui.nearest import NearestQuestions, nearest_empty, nearest_html, random_question
from ui.offer import OWN, Offer
from ui.rating import Answered, RatingStrip
from ui.run_card import run_card, run_card_empty
from ui.runs import Run, Runs, throttled
from ui.status import status, status_error, status_ready
from ui.visits import Visits

BUSY = "The page could not take the question: too many people are asking. Your question is still there; try again soon."
# Component → its new value; components that are not named stay as they are.
View = dict[Any, Any]
Place = Callable[[str], tuple[int, int] | None]


@dataclass(frozen=True)
class Parts:
    """The components that answering a question changes, and the rating strip below the answer."""

    box: gr.Textbox
    controls: list[Any]
    status: gr.HTML
    answer: gr.HTML
    passages: gr.HTML
    stop: gr.Button
    run_card: gr.HTML
    nearest: gr.HTML
    opened: gr.Textbox
    strip: RatingStrip
    elsewhere: gr.Button
    target: gr.State
    follow: FollowUp

    def view(self) -> list[Any]:
        """Everything that may change while a question is answered."""
        shown = [self.status, self.answer, self.passages, self.stop, self.run_card, self.nearest]
        return [*shown, self.elsewhere, self.target, *self.follow.outputs(), *self.strip.outputs()]


class Asking:
    """The handlers of one page."""

    def __init__(
        self,
        qa: LongFormQA,
        parts: Parts,
        nearest: NearestQuestions,
        place: Place,
        corpora: Corpora,
        visits: Visits,
    ) -> None:
        """Hold what is needed; no session yet.

        Args:
            qa: the loaded system.
            parts: what is shown where.
            nearest: finds the nearest written question.
            place: a session's key → its place in the line from 1 and the line's length; None if it does not wait.
            corpora: what may be read, and its offer; a link without a generator means the first that is offered.
            visits: what visitors dropped, which only they may ask.
        """
        self.qa = qa
        self.visits = visits
        self.parts = parts
        self.nearest = nearest
        self.place = place
        self.corpora = corpora
        self.offer = corpora.offer
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
        return self._cleared(asked)

    def _offer(self, session: str) -> Offer:
        """What a session may choose."""
        return self.visits.offer(self.offer, session)

    def open(self, request: gr.Request) -> View:
        """The page was opened, perhaps by a link that asks: fill in question and settings, and note the run."""
        query = {name: str(value) for name, value in dict(request.query_params or {}).items()}
        question, named = from_query(query)
        if not question:
            return {self.parts.opened: ""}
        filled: View = {self.parts.box: question, self.parts.opened: ""}
        values = control_values(named, self.offer.generator)
        try:
            asked, settings = check_question(question), to_settings(values, self._offer(session_of(request)))
        except Exception as error:
            return filled | {self.parts.status: status_error(readable(error))}
        chosen = settings.to_json()  # numbers, where the link has texts
        filled |= dict(zip(self.parts.controls, (chosen[name] for name in CONTROLS), strict=True))
        name = settings.index or self.offer.indexes[0]
        if is_live(name):
            # Whoever follows a link has not been told yet where the words go.
            return filled | {self.parts.status: status_ready(parse_wiki(name).host)}
        run = self.runs.begin(session_of(request), asked, settings)
        return filled | self._cleared(asked) | {self.parts.opened: run.id}

    def _cleared(self, question: str) -> View:
        """The view of a question that was just asked."""
        parts = self.parts
        return (
            {
                parts.status: status("queued"),
                parts.answer: cards.answer_empty(question),
                parts.passages: passage_cards.passages_empty("Waiting for the search…"),
                parts.stop: gr.Button(interactive=True),
                parts.run_card: run_card_empty(),
                parts.nearest: nearest_empty(),
            }
            | parts.strip.hidden()
            | parts.follow.hidden()
            | self._elsewhere("")
        )

    async def wait(self, request: gr.Request) -> AsyncIterator[View]:
        """The place in the line, for as long as the session's run waits."""
        session, shown = session_of(request), None
        run = self.runs.newest(session)
        while run and not run.taken and not run.stop.is_set() and self.runs.is_newest(session, run):
            place = self.place(session)
            if place and place != shown:
                shown = place
                yield {self.parts.status: status("queued", place=place)}
            await asyncio.sleep(0.25)
        if run and run.cancelled and self.runs.is_newest(session, run):
            # Again, after Stop has said so: the place sent last may reach the page after Stop's own answer.
            yield {self.parts.status: status("done", {}, stopped=True)}
        elif shown is None:
            # Gradio empties what an event says nothing of, and with it why a question could not be asked.
            yield {self.parts.status: gr.skip()}

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
                yield self._failed(message) | self._elsewhere(local)
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
            view: View = {self.parts.answer: cards.answer(answer, run.id)}
            if answer.stage != stage:
                view[self.parts.status] = status(answer.stage, answer.seconds, answer.stopped, loading=loading)
            if len(answer.found) != shown or answer.stage == "done" or answer.stage != stage == "retrieving":
                view[self.parts.passages] = passage_cards.passages(answer)
            if answer.stage == "done":
                view |= self._finished(run, answer)
            stage, shown = answer.stage, len(answer.found)
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
            parts.strip.finished.add(run.id, Answered({"run": run.id} | answer.to_json(), near, run.answered))
        return (
            {
                parts.stop: gr.Button(interactive=False),
                parts.run_card: run_card(answer, self.qa.card(index), run.id),
                parts.nearest: nearest_html(near, reveal=False),
            }
            | (parts.strip.hidden() if own else parts.strip.ready(run.id))
            | parts.follow.ready(self.nearest.suggest(answer.retrieved, corpus))
            | self._elsewhere(self.corpora.larger(index) if declined else "")
        )

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
        answer = Answer(Retrieved(run.question), stage="done", stopped=True, note="Stopped before it began.")
        return {
            self.parts.status: status("done", {}, stopped=True),
            self.parts.answer: cards.answer(answer),
            self.parts.passages: passage_cards.passages_empty(),
            self.parts.stop: gr.Button(interactive=False),
        }

    def stop(self, request: gr.Request) -> View:
        """Stop the session's run: at the next token if it is being answered, at once if it still waits."""
        run = self.runs.stop(session_of(request))
        return self._stopped_before(run) if run else {self.parts.stop: gr.skip()}

    def refused(self, request: gr.Request) -> View:
        """The queue did not take the run."""
        self.runs.leave(session_of(request))
        return self._failed(BUSY)

    def _failed(self, message: str) -> View:
        """Nothing was answered, and why."""
        return {
            self.parts.status: status_error(message),
            self.parts.answer: cards.answer_empty(),
            self.parts.passages: passage_cards.passages_empty(),
            self.parts.stop: gr.Button(interactive=False),
        }

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self.runs.leave(session_of(request))

    @staticmethod
    def random(question: str) -> str:
        """A random written question for the box."""
        return random_question(avoid=question or "")


def session_of(request: gr.Request) -> str:
    """The browser session's key."""
    return request.session_hash or ""
