"""How the fused model's inputs are laid out as token ids: the chat form that SmolLM2 was tuned on.

    <|im_start|>system …<|im_end|> <|im_start|>user Passages:     the prefix, shared by all passages
    Title: text                                                   each passage, read by itself
    Question: …<|im_end|> <|im_start|>assistant                   the question, where the decoder begins
    answer<|im_end|>                                              what it writes

It knows the tokenizer and words, no model.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.records import Retrieved
from generator.base import GeneratorError
from generator.prompt import FUSED_INSTRUCTION, fit_passages, fused_passage

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Tokens of all passages together, and of one's text: reading time grows with them.
MOST_TOKENS = 3000
LONGEST_PASSAGE = 400


class FusedLayout:
    """Token ids of every part of the input, and the text of what is written.

    Attributes:
        tokenizer: SmolLM2's; text that looks like a control token is only text to it.
        prefix: the ids of the shared prefix.
        end: the token that ends an answer.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Lay out the prefix.

        Raises:
            GeneratorError: the tokenizer lacks `<|im_start|>` or `<|im_end|>`.
        """
        self.tokenizer = tokenizer
        tokenizer.encode_special_tokens = True
        self._turn, self.end = _control_token(tokenizer, "<|im_start|>"), _control_token(tokenizer, "<|im_end|>")
        system = f"system\n{FUSED_INSTRUCTION}"
        self.prefix = [self._turn, *self.ids(system), self.end, *self.ids("\n")]
        self.prefix += [self._turn, *self.ids("user\nPassages:\n")]

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
        asked = [*self.ids(f"\nQuestion: {question}{request}"), self.end, *self.ids("\n")]
        return [*asked, self._turn, *self.ids("assistant\n")]

    def answer(self, answer: str) -> list[int]:
        """A whole answer, with its end."""
        return [*self.ids(answer), self.end]

    def ids(self, text: str) -> list[int]:
        """The ids of a plain text."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def text(self, tokens: Sequence[int]) -> str:
        """Tokens as text, without the beginning of a character that is not whole yet."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True).rstrip("\ufffd").strip()


def _control_token(tokenizer: Tokenizer, token: str) -> int:
    """The id of a control token of the chat form."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise GeneratorError(f"the model's vocabulary lacks {token}: it was not tuned on this chat form")
    return number
