"""Tokens of a question."""
