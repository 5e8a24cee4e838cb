"""How the fused model's inputs are laid out as token ids: the chat form that SmolLM2 was tuned on.

    <|im_start|>system …<|im_end|> <|im_start|>user Passages:     the prefix, shared by all passages
    Title: text                                                   each passage, read by itself
    Question: …<|im_end|> <|im_start|>assistant                   the question, where the decoder begins
    answer<|im_end|>                                              what it writes

It knows the tokenizer and words, no model.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from core.records import Retrieved
from generator.chat_form import ChatForm
from generator.prompt import FUSED_INSTRUCTION, fit_passages, fused_passage

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Tokens of all passages together, and of one's text: reading time grows with them.
MOST_TOKENS = 3000
LONGEST_PASSAGE = 400


class FusedLayout(ChatForm):
    """Token ids of every part of the input, and the text of what is written.

    Attributes:
        prefix: the ids of the shared prefix.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Lay out the prefix; see `ChatForm`."""
        super().__init__(tokenizer)
        self.prefix = [*self.turn("system", FUSED_INSTRUCTION), *self.opened("user", "Passages:\n")]

    def passage(self, title: str, text: str) -> list[int]:
        """One passage."""
        return self.ids(fused_passage(title, text))

    def fit(self, retrieved: Retrieved) -> Retrieved:
        """What is read of the passages found; see `generator.prompt.fit_passages`."""
        length = functools.cache(lambda title, text: len(self.passage(title, text)))
        return fit_passages(
            retrieved,
            lambda parts: sum(length(part.passage.title, part.text) for part in parts),
            MOST_TOKENS,
            LONGEST_PASSAGE,
        )

    def question(self, question: str, wording: str = "close") -> list[int]:
        """The end of the prompt, from the question to where the answer begins; see `core.settings.Settings`."""
        request = "\nAnswer in your own words." if wording == "own" else ""
        return [*self.ids(f"\nQuestion: {question}{request}"), self.end, *self.ids("\n"), *self.opened("assistant")]
