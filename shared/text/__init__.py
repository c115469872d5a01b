"""Text processing: sentences, numbers, stemming, Bible references."""


def word_set(line: str) -> frozenset[str]:
    """Return the words of a line of text as a set."""
    return frozenset(line.split())
