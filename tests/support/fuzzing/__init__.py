"""Inputs that no well-meaning client sends, and what must hold for the answer to each."""
