"""RetriBERT's tokenizer in plain Python: basic tokenization, then WordPiece, as in BERT.

Knows text, a vocabulary and ids; knows no model. Written to be read; `RetriBertTokenizerFast` is many times faster.
Source: Devlin et al. (2019), https://aclanthology.org/N19-1423.
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from transformers import PreTrainedTokenizer

VOCAB_FILE = "vocab.txt"
# Blocks of Han characters. Kana, Hangul and the like are words between spaces, and are not here.
CHINESE_BLOCKS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class BertSequences:
    """How ids become a model's input: `[CLS] A [SEP]`, or `[CLS] A [SEP] B [SEP]` for a pair.

    Shared by both tokenizers, which give `cls_token_id` and `sep_token_id`.
    """

    cls_token_id: int
    sep_token_id: int

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Returns one list of ids: `[CLS] A [SEP]`, or `[CLS] A [SEP] B [SEP]` if a second text is given."""
        ids = [self.cls_token_id, *token_ids_0, self.sep_token_id]
        return ids if token_ids_1 is None else [*ids, *token_ids_1, self.sep_token_id]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Returns a 0 for `[CLS] A [SEP]` and a 1 for `B [SEP]`, one number for each id of the built input."""
        types = [0] * (len(token_ids_0) + 2)
        return types if token_ids_1 is None else types + [1] * (len(token_ids_1) + 1)

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Marks where special tokens are, or will be.

        Args:
            token_ids_0: Ids of the first text; of the whole input if `already_has_special_tokens`.
            token_ids_1: Ids of the second text of a pair.
            already_has_special_tokens: The ids already are a model's input.

        Returns:
            1 for a special token and 0 for one of the text, for each id of the model's input.

        Raises:
            ValueError: A second text comes with `already_has_special_tokens`.
        """
        if already_has_special_tokens:
            return super().get_special_tokens_mask(  # type: ignore[misc]
                token_ids_0, token_ids_1, already_has_special_tokens=True
            )
        mask = [1, *[0] * len(token_ids_0), 1]
        return mask if token_ids_1 is None else [*mask, *[0] * len(token_ids_1), 1]


class RetriBertTokenizer(BertSequences, PreTrainedTokenizer):
    """Turns text into ids and back, in plain Python."""

    vocab_files_names = {"vocab_file": VOCAB_FILE}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        do_lower_case: bool = True,
        do_basic_tokenize: bool = True,
        never_split: Iterable[str] | None = None,
        unk_token: str = "[UNK]",
        sep_token: str = "[SEP]",
        pad_token: str = "[PAD]",
        cls_token: str = "[CLS]",
        mask_token: str = "[MASK]",
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        **kwargs: Any,  # noqa: ANN401 (whatever every tokenizer of the library takes)
    ) -> None:
        """Reads the vocabulary.

        Args:
            vocab_file: One token a line, UTF-8; a token's id is its line's number, from 0.
            do_lower_case: Lower-case the text.
            do_basic_tokenize: Clean and split the text before WordPiece; without it, only spaces split.
            never_split: Words, between spaces, that stay as they are; for `do_basic_tokenize` only. They are compared
                with the text in lower case if `do_lower_case`, so that one in capitals is never found then.
            unk_token: Stands for a word that the vocabulary cannot spell.
            sep_token: Ends each text.
            pad_token: Fills up shorter texts of a batch.
            cls_token: Starts the input.
            mask_token: A token to be guessed, in training.
            tokenize_chinese_chars: Make each Han character a word; best off for Japanese.
            strip_accents: Remove accents; None does so if `do_lower_case`.
            **kwargs: Passed to the library's `PreTrainedTokenizer`.

        Raises:
            ValueError: There is no vocabulary file, or an option asks for what only the fast tokenizer does.
        """
        if kwargs.get("wordpieces_prefix", "##") != "##" or not kwargs.get("clean_text", True):
            raise ValueError(
                "wordpieces_prefix other than '##' and clean_text=False need RetriBertTokenizerFast: load this "
                "tokenizer with that class"
            )
        self.vocab = load_vocab(vocab_file)
        self.ids_to_tokens = {index: token for token, index in self.vocab.items()}
        never_split = None if never_split is None else list(never_split)
        self.basic_tokenizer = None
        if do_basic_tokenize:
            self.basic_tokenizer = BasicTokenizer(do_lower_case, never_split, tokenize_chinese_chars, strip_accents)
        self.wordpiece_tokenizer = WordPieceTokenizer(self.vocab, str(unk_token))
        super().__init__(
            do_lower_case=do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            never_split=never_split,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            **kwargs,
        )

    @property
    def do_lower_case(self) -> bool:
        """Whether text is lower-cased: never without basic tokenization."""
        return self.basic_tokenizer is not None and self.basic_tokenizer.do_lower_case

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary file, added ones not counted."""
        return len(self.vocab)

    def get_vocab(self) -> dict[str, int]:
        """Returns the id of every token, added ones included."""
        return self.vocab | self._added_tokens_encoder

    def prepare_for_tokenization(
        self,
        text: str,
        is_split_into_words: bool = False,
        **kwargs: Any,  # noqa: ANN401 (passed through)
    ) -> tuple[str, dict[str, Any]]:
        """Lower-cases all of the text but special and added words, as the published tokenizer does before anything."""
        if self.do_lower_case:
            added = [t.content for t in self._added_tokens_decoder.values() if t.normalized and not t.special]
            kept = "|".join(re.escape(word) for word in [*self.all_special_tokens, *added])
            parts = re.split(f"({kept})", text)
            text = "".join(part if place % 2 else lower_case(part) for place, part in enumerate(parts))
        return text, kwargs

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:  # noqa: ANN401 (the library's signature)
        if self.basic_tokenizer is None:
            return self.wordpiece_tokenizer.tokenize(text)
        tokens = []
        for word in self.basic_tokenizer.tokenize(text):
            whole = word in self.basic_tokenizer.never_split
            tokens += [word] if whole else self.wordpiece_tokenizer.tokenize(word)
        return tokens

    def _convert_token_to_id(self, token: str) -> int | None:
        return self.vocab.get(token, self.vocab.get(str(self.unk_token)))

    def _convert_id_to_token(self, index: int) -> str:
        return self.ids_to_tokens.get(index, str(self.unk_token))

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Joins tokens into text: pieces that start with ## are put to the one before."""
        return " ".join(tokens).replace(" ##", "").strip()

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Writes the vocabulary, one token a line.

        Args:
            save_directory: An existing folder.
            filename_prefix: Put before "vocab.txt", with a hyphen.

        Returns:
            The path of the file written.

        Raises:
            ValueError: Ids of the vocabulary are missing, so that lines cannot stand for them.
        """
        if sorted(self.ids_to_tokens) != list(range(len(self.ids_to_tokens))):
            raise ValueError(
                f"the vocabulary has {len(self.ids_to_tokens)} tokens but ids up to {max(self.ids_to_tokens)}: "
                "remove repeated lines from its file"
            )
        name = VOCAB_FILE if filename_prefix is None else f"{filename_prefix}-{VOCAB_FILE}"
        path = os.path.join(save_directory, name)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(self.ids_to_tokens[index] + "\n" for index in range(len(self.ids_to_tokens)))
        return (path,)


class BasicTokenizer:
    """Cleans text and splits it at spaces and punctuation.

    Example:
        >>> BasicTokenizer().tokenize("Ünder the 北京 sky, isn't it?")
        ['under', 'the', '北', '京', 'sky', ',', 'isn', "'", 't', 'it', '?']
    """

    def __init__(
        self,
        do_lower_case: bool = True,
        never_split: Iterable[str] | None = None,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
    ) -> None:
        """Keeps the options, which are those of `RetriBertTokenizer`."""
        self.do_lower_case = do_lower_case
        self.never_split = frozenset(never_split or ())
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = do_lower_case if strip_accents is None else strip_accents

    def tokenize(self, text: str) -> list[str]:
        """Returns the words and punctuation marks of a text, in order."""
        text = clean_text(text)
        if self.tokenize_chinese_chars:
            text = "".join(f" {char} " if is_chinese(char) else char for char in text)
        tokens = []
        # A letter and its accent are one character, where there is one.
        for word in unicodedata.normalize("NFC", text).split():
            if word not in self.never_split:
                word = self._without_accents(lower_case(word) if self.do_lower_case else word)
            tokens += [word] if word in self.never_split else split_on_punctuation(word)
        return tokens

    def _without_accents(self, word: str) -> str:
        if not self.strip_accents:
            return word
        decomposed = unicodedata.normalize("NFD", word)
        return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


class WordPieceTokenizer:
    """Spells a word with pieces of a vocabulary, the longest first; pieces inside a word start with ##.

    Example:
        >>> WordPieceTokenizer({"un": 0, "##aff": 1, "##able": 2}, "[UNK]").tokenize("unaffable xyz")
        ['un', '##aff', '##able', '[UNK]']
    """

    def __init__(self, vocab: dict[str, int], unk_token: str, max_input_chars_per_word: int = 100) -> None:
        """Takes the vocabulary, the token for words it cannot spell, and the longest word it tries, in characters."""
        self.vocab = vocab
        self.unk_token = unk_token
        self.max_input_chars_per_word = max_input_chars_per_word

    def tokenize(self, text: str) -> list[str]:
        """Returns the pieces of every word of the text; a word that cannot be spelled is one `unk_token`."""
        return [piece for word in text.split() for piece in self._spell(word)]

    def _spell(self, word: str) -> list[str]:
        if len(word) > self.max_input_chars_per_word:
            return [self.unk_token]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                if prefix + word[start:end] in self.vocab:
                    break
            else:
                return [self.unk_token]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces


def load_vocab(vocab_file: str | os.PathLike[str] | None) -> dict[str, int]:
    """Reads a vocabulary file, one token a line: token to line number, from 0; of repeated ones the last counts.

    Raises:
        ValueError: There is no such file, or it is not UTF-8.
    """
    if vocab_file is None or not os.path.isfile(vocab_file):
        raise ValueError(f"there is no vocabulary file {vocab_file}: give the path of the model's {VOCAB_FILE}")
    try:
        with open(vocab_file, encoding="utf-8") as file:
            return {line.rstrip("\n"): index for index, line in enumerate(file)}
    except UnicodeDecodeError as error:
        raise ValueError(f"{vocab_file} is not a UTF-8 vocabulary file ({error}): save it as UTF-8") from error


def clean_text(text: str) -> str:
    r"""Removes control and invalid characters, and makes every white space a plain one.

    Example:
        >>> clean_text("a\tb\u00a0c\x00")
        'a b c'
    """
    return "".join(" " if is_white_space(char) else char for char in text if not is_removed(char))


def lower_case(word: str) -> str:
    """Lower-cases letter by letter, as BERT's vocabulary was made: a final capital sigma becomes a plain one.

    Example:
        >>> lower_case("ΟΔΟΣ"), "ΟΔΟΣ".lower()
        ('οδοσ', 'οδος')
    """
    return "".join(char.lower() for char in word)


def split_on_punctuation(word: str) -> list[str]:
    """Splits a word at every punctuation mark, and keeps the marks.

    Example:
        >>> split_on_punctuation("isn't")
        ['isn', "'", 't']
    """
    spaced = "".join(f"\0{char}\0" if is_punctuation(char) else char for char in word)
    return [part for part in spaced.split("\0") if part]


def is_white_space(char: str) -> bool:
    """True for tab, line ends and every kind of space (not for line and paragraph separators)."""
    return char in "\t\n\r" or unicodedata.category(char) == "Zs"


def is_removed(char: str) -> bool:
    """True for control, format, private and unassigned characters, and for the replacement character."""
    return char == "\ufffd" or (char not in "\t\n\r" and unicodedata.category(char).startswith("C"))


def is_punctuation(char: str) -> bool:
    """True for Unicode punctuation, and for every other ASCII mark, such as $, + and ~."""
    return unicodedata.category(char).startswith("P") or ("!" <= char <= "~" and not char.isalnum())


def is_chinese(char: str) -> bool:
    """True for Han characters."""
    return any(first <= ord(char) <= last for first, last in CHINESE_BLOCKS)
