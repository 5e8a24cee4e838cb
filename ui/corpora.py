"""What is read: the choice on the page, what the page says of it, and where else a question could be asked.

It knows the indexes that are offered, by name. Questions are asked elsewhere.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import gradio as gr

from core.errors import UserError
from qa import LongFormQA
from retriever.article_plan import is_live
from retriever.example_questions import example_questions
from retriever.live.wiki import CONTACT, ContactError, Wiki, keep_contact, parse_wiki
from retriever.registry import EMBEDDED
from ui import cards
from ui.errors import readable
from ui.markup import escape
from ui.offer import OWN, Offer, check_live

View = dict[Any, Any]
# Of the vital articles, and of any Wikipedia.
EXAMPLES = (
    "Why is the sky blue?",
    "How do vaccines work?",
    "How do bees make honey?",
    "What makes the tide come in and go out?",
    "How do mirrors work?",
)
_ENDLESS = 10**12  # passages; a live wiki is larger than whatever is indexed
_UNKNOWN = 10**9  # of a ZIM file


class Corpora:
    """The choice with what belongs to it: the header, a word on privacy, the contact, example questions."""

    def __init__(self, qa: LongFormQA, offer: Offer) -> None:
        """Hold the system and what may be chosen."""
        self.qa = qa
        self.offer = offer
        self._examples: dict[str, tuple[str, ...]] = {}

    @cached_property
    def several(self) -> bool:
        """Whether there is a choice."""
        return len(self.offer.indexes) > 1

    def build_choice(self) -> gr.Dropdown:
        """The header, the choice, what is to be known of a live wiki, and the contact where it is asked for."""
        first = self.offer.indexes[0]
        self.header = _html(self._header(first), "header")
        # What stands alone has no name in links and settings.
        choices = self.choices()
        self.choice = gr.Dropdown(
            choices,
            value=choices[0][1],
            label="What is read",
            visible=self.several,
            filterable=False,
            elem_id="index",
        )
        self.note = _html(self._note(first), "index-note")
        with gr.Row(visible=self._asks_contact(first), elem_id="contact") as self.contact_row:
            self.contact = gr.Textbox(
                label="Contact for the wiki",
                info="An e-mail address or a web page of yours. It is kept on this machine and sent to the wiki with "
                "every request, as its operators ask.",
                max_length=200,
                scale=6,
                elem_id="contact-box",
            )
            self.keep = gr.Button("Keep", min_width=96, scale=0, elem_id="contact-keep")
        self.said = _html("", "contact-said")
        return self.choice

    def choices(self, own: str = "") -> list[tuple[str, str]]:
        """What may be chosen, by its label and its name in links and settings; what stands alone has none.

        Args:
            own: the name of a visitor's own documents; "" for none.
        """
        named = [(self.label(name), self.value(name)) for name in self.offer.indexes]
        return [*named, *([(self.label(own), own)] if own else [])]

    def value(self, name: str) -> str:
        """What the choice of an index is called in links and settings: nothing where no other is offered."""
        return "" if name in self.offer.indexes and not self.several else name

    def build_examples(self) -> gr.Button:
        """One small button an example, and one for a random written question."""
        with gr.Row(elem_id="examples"):
            first = self.offer.indexes[0]
            known = self._known_examples(first)
            self.chips = [
                gr.Button(known[place] if place < len(known) else "", size="sm", min_width=0, elem_classes=["chip"],
                          visible=place < len(known))
                for place in range(len(EXAMPLES))
            ]  # fmt: skip
            self.dice = gr.Button(
                "Random question", size="sm", min_width=0, elem_classes=["chip"], elem_id="random",
                visible=_is_wikipedia(first),
            )  # fmt: skip
        return self.dice

    def connect(self, page: gr.Blocks, quiet: dict[str, Any]) -> None:
        """Events of the choice and of the contact."""
        shown = [self.header, self.note, self.contact_row, self.said, *self.chips, self.dice]
        loads = quiet | {"concurrency_id": "examples", "concurrency_limit": 1}
        self.choice.change(self.chosen, self.choice, shown, queue=False, **quiet).then(
            self.with_examples, self.choice, shown, **loads
        )
        if not self._known_examples(self.offer.indexes[0]):
            page.load(self.with_examples, self.choice, shown, **loads)
        if not self.offer.public:
            told = [self.contact_row, self.said, self.note]
            for trigger in (self.keep.click, self.contact.submit):
                trigger(self.kept, [self.contact, self.choice], told, queue=False, **quiet)

    def chosen(self, index: str) -> View:
        """Another index was chosen: say what it is."""
        name = self._named(index)
        return {
            self.header: self._header(name),
            self.note: self._note(name),
            self.contact_row: gr.Row(visible=self._asks_contact(name)),
            self.said: "",
            self.dice: gr.Button(visible=_is_wikipedia(name)),
        } | self._chips(self._known_examples(name))

    def with_examples(self, index: str) -> View:
        """The examples of an index, which is opened for them; of one that cannot be opened there are none."""
        name = self._named(index)
        if self._known_examples(name) or name.startswith(OWN):
            return {self.said: gr.skip()}
        try:
            self._examples[name] = tuple(example_questions(self.qa.corpus(name), len(EXAMPLES)))
        except UserError as error:
            return {self.said: f'<p class="said warn" role="status">{escape(readable(error))}</p>'}
        return self._chips(self._examples[name])

    def kept(self, text: str, index: str) -> View:
        """A contact was given: keep it, or say why it is none."""
        try:
            keep_contact(text or "")
        except ContactError:
            told = f"“{(text or '').strip()[:60]}” is no contact: give an e-mail address, or the address of a web page."
            return {self.said: f'<p class="said warn" role="alert">{escape(told)}</p>'}
        thanks = '<p class="said good" role="status">Kept. The wiki can be asked now.</p>'
        return {
            self.contact_row: gr.Row(visible=False),
            self.said: thanks,
            self.note: self._note(self._named(index)),
        }

    def label(self, name: str) -> str:
        """An index in a few words."""
        card = self.qa.card(name)
        size = f", {card['passages']:,} passages" if card.get("passages") else ""
        return f"{card.get('source') or name}{size}"

    def larger(self, index: str) -> str:
        """The largest index that is larger than one; "" where there is none.

        From somebody's own documents it is one on this machine, where there is one: it may answer, and no word leaves.
        """
        here = self._size(self._named(index))
        others = [name for name in self.offer.indexes if self._size(name) > here]
        if index.startswith(OWN):
            others = [name for name in others if not is_live(name)] or others
        return max(others, key=self._size, default="")

    def local(self, index: str) -> str:
        """What can be read when a live wiki does not answer; "" where the index is no live one."""
        if not is_live(self._named(index)):
            return ""
        return next((name for name in self.offer.indexes if not is_live(name)), "")

    def invitation(self, name: str) -> str:
        """What a button says that asks another index."""
        words = f" (the question's words go to {parse_wiki(name).host})" if is_live(name) else ""
        return f"Ask {self.label(name)}{words}"

    def _named(self, index: str) -> str:
        """The name of an index that is offered, or of a visitor's own documents, which whoever names it has."""
        return index if index.startswith(OWN) and self.qa.holds(index) else self.offer.named(index)

    def _size(self, name: str) -> int:
        if name.startswith(OWN):  # whatever is offered is worth asking elsewhere
            return 0
        if is_live(name):
            return _ENDLESS
        return int(self.qa.card(name).get("passages") or _UNKNOWN)

    def _header(self, name: str) -> str:
        return cards.header(self.qa.card(name))

    def _note(self, name: str) -> str:
        """That a question leaves the machine, and whether it can be asked at all."""
        if not is_live(name):
            return ""
        wiki: Wiki = parse_wiki(name)
        told = (
            f"<b>Live.</b> The words of your question go to <b>{escape(wiki.host)}</b>, and to nobody else; what was "
            "read is kept on this machine."
        )
        if self.offer.public and _no_contact(self.offer):
            told += f" It cannot be asked now: whoever runs this page has set no {CONTACT}."
        return f'<p class="privacy">{told}</p>'

    def _asks_contact(self, name: str) -> bool:
        return is_live(name) and not self.offer.public and _no_contact(self.offer)

    def _known_examples(self, name: str) -> tuple[str, ...]:
        """The examples of an index, as far as they are known without opening it."""
        return EXAMPLES if _is_wikipedia(name) else self._examples.get(name, ())

    def _chips(self, questions: tuple[str, ...]) -> View:
        """The buttons with these questions."""
        padded = [*questions, *[""] * len(self.chips)]
        return {
            chip: gr.Button(question, visible=bool(question))
            for chip, question in zip(self.chips, padded, strict=False)
        }


def _no_contact(offer: Offer) -> bool:
    """Whether a live wiki could not be asked now."""
    try:
        check_live("wikipedia", offer.public)
    except ContactError:
        return True
    return False


def _is_wikipedia(name: str) -> bool:
    """Whether the questions that come along suit it: the vital articles, and any Wikipedia live."""
    return name == EMBEDDED or name.partition(":")[0] == "wikipedia"


def _html(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_id=name)
