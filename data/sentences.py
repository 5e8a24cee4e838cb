"""Where sentences end, under the name by which other people's scripts import it; it lives in `core.sentences`."""

from core.sentences import LONGEST, count_words, is_complete, sentence_spans, split_sentences

__all__ = ["LONGEST", "count_words", "is_complete", "sentence_spans", "split_sentences"]
