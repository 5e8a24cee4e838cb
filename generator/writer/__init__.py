"""The writer: an answer from chosen evidence, by a sequence-to-sequence model over Qwen2.5; see README.md."""
