"""Estimates how many tokens a text has, without a tokenizer."""

from math import ceil

_ASCII_CHARACTERS_PER_TOKEN = 3.5
_OTHER_BYTES_PER_TOKEN = 2


def estimate_tokens(text: str) -> int:
    """Return an upper estimate of the number of tokens of `text`.

    It is one token for each 3.5 ASCII characters, and one for each two UTF-8 bytes of other
    characters. English prose has 3.7 to 4.8 characters a token with BERT's vocabulary of 30,000;
    SmolLM2's vocabulary of 49,000 takes 10 to 30 % fewer tokens than this estimate.
    """
    ascii_characters = sum(map(str.isascii, text))
    other_bytes = len(text.encode("utf-8", "replace")) - ascii_characters
    return ceil(
        ascii_characters / _ASCII_CHARACTERS_PER_TOKEN + other_bytes / _OTHER_BYTES_PER_TOKEN
    )
