"""What is read: the assets, the passages and their sentences, the question set.

This package knows files and text. It knows nothing of vectors, models or pages.
"""
