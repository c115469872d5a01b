"""Counts tokens with MiniLM's own tokenizer."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from infra.local.minilm import MiniLMEmbedder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 256
"""The tokens of a text that MiniLM embeds."""


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the number of tokens of each text, with the special ones."""
    return [len(encoding.ids) for encoding in _tokenizer().encode_batch(list(texts))]


@cache
def _tokenizer() -> "Tokenizer":
    tokenizer, _ = MiniLMEmbedder()._load()
    tokenizer.no_truncation()
    return tokenizer
