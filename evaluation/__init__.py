"""How good retrieval and answers are: metrics, each reached by a `python -m evaluation.…` command.

Nothing here is needed to answer a question; the tools it needs are in requirements-dev.txt.
"""
