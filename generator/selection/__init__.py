"""Choosing the passage sentences that answer a question: the ranker, its examples and its training."""
