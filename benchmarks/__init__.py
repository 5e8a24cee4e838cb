"""Measurements of speed and size, each a command that prints a table."""
