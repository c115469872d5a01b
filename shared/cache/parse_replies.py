"""What the scripts gave, made sense of. Pure."""

import time
from typing import Any

from shared.cache import index_entries, l1_answers, l3_contexts
from shared.cache.results import LookupResult


def pairs(reply: dict[bytes, bytes] | list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the fields and values of a hash: HGETALL's reply (RESP3 or RESP2) or a script's."""
    if isinstance(reply, dict):
        return list(reply.items())
    return list(zip(reply[::2], reply[1::2], strict=True))


def parse_lookup(reply: list[Any], question: str, field: str) -> tuple[LookupResult, list[str]]:
    """Give what was found, and the fields of what makes no sense and must go."""
    _, raw_entry, raw_answer, raw_context, raw_alias = reply
    if raw_entry is None:
        return LookupResult(), []
    entry = index_entries.decode(raw_entry)
    alias = index_entries.decode(raw_alias) if raw_alias is not None else entry
    if entry is None or alias is None or alias.question != question:
        return LookupResult(), [field]
    answer = sources = None
    if raw_answer is not None:
        answer = l1_answers.decode(entry.answer_id, raw_answer)
    if raw_context is not None:
        sources = l3_contexts.decode(entry.answer_id, raw_context)
    damaged = answer is None and raw_answer is not None
    if damaged or (sources is None and raw_context is not None):
        return LookupResult(), [field, alias.target] if alias.target else [field]
    if answer and sources is not None:
        if alias is entry:
            return LookupResult(answer, sources), []
        return LookupResult(answer, sources, entry.question, alias.similarity, field), []
    fresh = alias is entry and sources is not None and entry.fresh_until > time.time()
    return LookupResult(None, sources if fresh else None), []


def parse_answer(
    answer_id: str, raw_answer: bytes | None, raw_context: bytes | None
) -> LookupResult:
    """Make sense of what the peek script gave."""
    answer = l1_answers.decode(answer_id, raw_answer) if raw_answer is not None else None
    sources = l3_contexts.decode(answer_id, raw_context) if raw_context is not None else None
    return LookupResult(answer, sources) if answer and sources is not None else LookupResult()
