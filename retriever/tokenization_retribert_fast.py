"""RetriBERT's tokenizer on the tokenizers library: the one to use, as `RetriBertTokenizer` is the one to read.

Knows text, a vocabulary and ids; knows no model.
"""

import os
from typing import Any

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import PreTrainedTokenizerFast

from retriever.tokenization_retribert import VOCAB_FILE, BertSequences, RetriBertTokenizer, load_vocab


class RetriBertTokenizerFast(BertSequences, PreTrainedTokenizerFast):
    """Turns text into ids and back, with the tokenizers library."""

    vocab_files_names = {"vocab_file": VOCAB_FILE, "tokenizer_file": "tokenizer.json"}
    model_input_names = ["input_ids", "attention_mask"]
    slow_tokenizer_class = RetriBertTokenizer  # type: ignore[assignment]

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        do_lower_case: bool = True,
        unk_token: str = "[UNK]",
        sep_token: str = "[SEP]",
        pad_token: str = "[PAD]",
        cls_token: str = "[CLS]",
        mask_token: str = "[MASK]",
        clean_text: bool = True,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        wordpieces_prefix: str = "##",
        **kwargs: Any,  # noqa: ANN401 (whatever every tokenizer of the library takes)
    ) -> None:
        """Reads the vocabulary, or a whole tokenizer.

        Args:
            vocab_file: One token a line, UTF-8; not read if there is a `tokenizer_file`.
            tokenizer_file: A tokenizer.json. Its pieces and their prefix are taken as they are; case, accents,
                cleaning and Han characters follow the arguments.
            do_lower_case: Lower-case the text.
            unk_token: Stands for a word that the vocabulary cannot spell.
            sep_token: Ends each text.
            pad_token: Fills up shorter texts of a batch.
            cls_token: Starts the input.
            mask_token: A token to be guessed, in training.
            clean_text: Remove control characters and make every white space a plain one.
            tokenize_chinese_chars: Make each Han character a word; best off for Japanese.
            strip_accents: Remove accents; None does so if `do_lower_case`.
            wordpieces_prefix: Starts a piece inside a word.
            **kwargs: Passed to the library's `PreTrainedTokenizerFast`.

        Raises:
            ValueError: There is neither of the files.
        """
        if tokenizer_file is not None:
            tokenizer = read_tokenizer(tokenizer_file)
        else:
            tokenizer = make_tokenizer(load_vocab(vocab_file), str(unk_token), wordpieces_prefix)
        wordpieces_prefix = getattr(tokenizer.model, "continuing_subword_prefix", wordpieces_prefix)
        if tokenizer.normalizer is None or isinstance(tokenizer.normalizer, normalizers.BertNormalizer):
            tokenizer.normalizer = normalizers.BertNormalizer(
                clean_text=clean_text,
                handle_chinese_chars=tokenize_chinese_chars,
                strip_accents=strip_accents,
                lowercase=do_lower_case,
            )
        self.do_lower_case = do_lower_case
        super().__init__(
            tokenizer_object=tokenizer,
            do_lower_case=do_lower_case,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            clean_text=clean_text,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            wordpieces_prefix=wordpieces_prefix,
            **kwargs,
        )
        cls, sep = str(self.cls_token), str(self.sep_token)
        self.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{cls}:0 $A:0 {sep}:0",
            pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
            special_tokens=[(cls, self.cls_token_id), (sep, self.sep_token_id)],
        )

    @classmethod
    def convert_to_native_format(
        cls,
        trust_remote_code: bool = False,
        **kwargs: Any,  # noqa: ANN401 (the library's signature)
    ) -> dict[str, Any]:
        """Leaves the files' paths to `__init__`, which reads them itself."""
        return kwargs

    def save_vocabulary(self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None) -> tuple[str]:
        """Writes the vocabulary, one token a line.

        Args:
            save_directory: An existing folder.
            filename_prefix: Put before "vocab.txt", with a hyphen.

        Returns:
            The path of the file written.
        """
        (path,) = self.backend_tokenizer.model.save(str(save_directory), filename_prefix)
        return (path,)

    def _save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        file_names: tuple[str, ...],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
    ) -> tuple[str, ...]:
        """Writes vocab.txt beside tokenizer.json, so that the plain Python tokenizer can read the folder too."""
        files = super()._save_pretrained(save_directory, file_names, legacy_format, filename_prefix)
        return (*files, *self.save_vocabulary(save_directory, filename_prefix))


def make_tokenizer(vocab: dict[str, int], unk_token: str, wordpieces_prefix: str) -> Tokenizer:
    """Returns a WordPiece tokenizer of the tokenizers library, without a normalizer or special tokens."""
    model = WordPiece(
        vocab,
        unk_token=unk_token,
        continuing_subword_prefix=wordpieces_prefix,
        max_input_chars_per_word=100,
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix=wordpieces_prefix)
    return tokenizer


def read_tokenizer(tokenizer_file: str | os.PathLike[str]) -> Tokenizer:
    """Reads a tokenizer.json.

    Raises:
        ValueError: There is no such file, or it is not a tokenizer.
    """
    if not os.path.isfile(tokenizer_file):
        raise ValueError(f"there is no tokenizer file {tokenizer_file}: give the path of a tokenizer.json")
    try:
        return Tokenizer.from_file(str(tokenizer_file))
    except Exception as error:  # the library raises plain Exception
        raise ValueError(f"{tokenizer_file} is not a file of the tokenizers library: {error}") from error
