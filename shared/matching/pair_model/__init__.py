"""A small cross-encoder: the probability that one answer serves two questions."""
