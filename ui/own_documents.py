"""“Ask your own documents”: where files are dropped, how far reading them is, and the button that deletes them.

It knows Gradio's components and `ui.visits`, which holds what was dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from data.sources.documents import SUFFIXES
from ui.bounds import LARGEST_FILE, MOST_DOCUMENTS
from ui.corpora import Corpora
from ui.errors import readable
from ui.markup import escape, plural
from ui.status import progress
from ui.visits import LeftError, Visits

View = dict[Any, Any]
_SHOWN = 0.3  # seconds between two words on how far it is
_LISTED = 8  # lines of what was left out
_SAME = (".text", ".markdown")  # kinds that are named by their shorter ending


class OwnDocuments:
    """The components and their handlers; shut away where visitors may drop nothing."""

    def __init__(self, visits: Visits, corpora: Corpora) -> None:
        """Hold the visits, and the choice of what is read, which gets their documents."""
        self.visits = visits
        self.corpora = corpora

    def build(self) -> None:
        """Make the components where the page is being built."""
        with gr.Accordion("Ask your own documents", open=False, elem_id="own"):
            _html(_TOLD, "own-told")
            self.files = gr.File(
                # One line on a phone: a second one covers what is below.
                label=f"Files: {', '.join(suffix[1:] for suffix in SUFFIXES if suffix not in _SAME)}",
                file_count="multiple",
                height=132,
                elem_id="own-files",
            )
            self.said = _html("", "own-said")
            self.delete = gr.Button(
                "Delete my documents", size="sm", min_width=0, visible=False, elem_id="own-delete", variant="stop"
            )

    def connect(self, page: gr.Blocks, quiet: dict[str, Any]) -> None:
        """Events: what is dropped is taken at once, and read when nobody else's is; then it is chosen."""
        view = [self.files, self.said, self.delete, self.corpora.choice]
        taken = self.files.upload(self.take, self.files, view, queue=False, **quiet)
        reads = quiet | {"concurrency_id": "documents", "concurrency_limit": 1, "trigger_mode": "multiple"}
        read = taken.success(self.read, None, view, **reads)
        read.failure(self.refused, None, view, queue=False, **quiet)
        self.delete.click(self.forget, None, view, queue=False, **quiet)
        page.unload(self.leave)

    def take(self, request: gr.Request, paths: Sequence[str] | None) -> View:
        """Files arrived: take them, and empty the place where they were dropped."""
        self.visits.take(request.session_hash or "", list(paths or ()))
        return {self.files: None, self.said: progress("Waiting for its turn…")}

    def read(self, request: gr.Request) -> Iterator[View]:
        """Read and index what was taken; the last view says what there is now, and chooses it."""
        session, told = request.session_hash or "", [""]
        result: list[list[str] | Exception] = []
        name = self.visits.name(session)

        def work() -> None:
            try:
                result.append(self.visits.read(session, lambda text: told.__setitem__(0, text)))
            except Exception as error:
                result.append(error)

        thread = threading.Thread(target=work, name="documents", daemon=True)
        thread.start()
        shown = ""
        while thread.is_alive():
            if told[0] != shown:
                shown = told[0]
                yield {self.said: progress(shown)}
            thread.join(_SHOWN)
        problems = result[0] if isinstance(result[0], list) else [readable(result[0])]
        if isinstance(result[0], LeftError):
            yield self._gone(str(result[0]))
            return
        yield self._held(session, problems, fresh=self.visits.name(session) != name)

    def _held(self, session: str, problems: Sequence[str], fresh: bool) -> View:
        """What a visit holds now."""
        name, files = self.visits.name(session), self.visits.files(session)
        lines = [f"{escape(file)}: {plural(count, 'passage')}" for file, count in files.items()]
        listed = "".join(f"<li>{line}</li>" for line in lines)
        left_out = "".join(f"<li>{escape(problem)}</li>" for problem in problems[:_LISTED])
        if len(problems) > _LISTED:
            left_out += f"<li>and {len(problems) - _LISTED} more</li>"
        ready = '<p class="said good" role="status">Ready: ask your question above.</p>'
        said = f"{ready}<ul>{listed}</ul>" if files else ""
        said += f'<div class="said warn" role="alert"><ul>{left_out}</ul></div>' if problems else ""
        view: View = {self.said: said, self.delete: gr.Button(visible=bool(files))}
        if name:
            view[self.corpora.choice] = gr.Dropdown(self.corpora.choices(name), value=name, visible=True)
        return view

    def forget(self, request: gr.Request) -> View:
        """Delete a visit's documents."""
        self.visits.leave(request.session_hash or "")
        return self._gone("Your documents are deleted.")

    def _gone(self, said: str) -> View:
        """There are no documents any more."""
        choices = self.corpora.choices()
        return {
            self.said: f'<p class="said" role="status">{escape(said)}</p>',
            self.delete: gr.Button(visible=False),
            self.corpora.choice: gr.Dropdown(choices, value=choices[0][1], visible=self.corpora.several),
        }

    def refused(self) -> View:
        """The queue did not take it."""
        return {self.said: '<p class="said warn" role="alert">Too many people are asking: drop them again soon.</p>'}

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self.visits.leave(request.session_hash or "")


_TOLD = (
    f'<p class="told">Up to {MOST_DOCUMENTS} files of {LARGEST_FILE // 1_000_000} MB each. They are read on the '
    "machine that serves this page, for this visit only: nobody else can ask them, nothing of them is stored, and they "
    "are deleted when you close or reload the page.</p>"
)


def _html(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_id=name)
