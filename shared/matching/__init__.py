"""Decides whether two questions ask the same: candidates by cosine, then rules."""
