"""Measurements of speed and size, each a command that prints a table.

`run.py` compares ours with its peers, in the same run and on the same threads (contest.py, encoding.py, writing.py and
searching.py belong to it); `search.py` compares kinds of index.
"""
