"""Whether the passages that were read support a sentence, and which passage sentence does.

The package is given passages and sentences. It knows neither the index that found the passages nor the generator
that wrote the sentences.
"""
