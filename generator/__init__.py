"""The models that write answers, behind one interface, and the tracing of answers to their evidence.

This package is given passages and a question. It knows nothing of the index that found them, nor of the page.
"""
