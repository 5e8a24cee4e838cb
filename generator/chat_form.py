"""The chat form (ChatML) that SmolLM2 and Qwen2.5 were tuned on, as token ids.

    <|im_start|>role
    content<|im_end|>

It knows the tokenizer, no model and no wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from generator.base import GeneratorError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class ChatForm:
    """Token ids of turns, and the text of what is written.

    Attributes:
        tokenizer: of the model; text that looks like a control token is only text to it.
        end: the token that ends a turn.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Look up the control tokens.

        Raises:
            GeneratorError: the tokenizer lacks `<|im_start|>` or `<|im_end|>`.
        """
        self.tokenizer = tokenizer
        tokenizer.encode_special_tokens = True
        self._start, self.end = (_control_token(tokenizer, token) for token in ("<|im_start|>", "<|im_end|>"))

    def turn(self, role: str, content: str) -> list[int]:
        """A whole turn, with the line break behind it."""
        return [*self.opened(role, content), self.end, *self.ids("\n")]

    def opened(self, role: str, content: str = "") -> list[int]:
        """A turn that is to go on."""
        return [self._start, *self.ids(f"{role}\n{content}")]

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
