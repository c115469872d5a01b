"""Parses replies of the Lua scripts. Pure."""

import time
from typing import Any

from shared.cache import index_entries, l1_answers, l3_contexts
from shared.cache.results import LookupResult
from shared.text.canonical_form import canonical_form


def hash_items(reply: dict[bytes, bytes] | list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the fields and values of a hash: HGETALL's reply (RESP3 or RESP2) or a script's."""
    if isinstance(reply, dict):
        return list(reply.items())
    return list(zip(reply[::2], reply[1::2], strict=True))


def parse_lookup(reply: list[Any], question: str, field: str) -> tuple[LookupResult, list[str]]:
    """Parse the reply of lookup.lua. Also return the fields of corrupt values, to be deleted.

    `question` is the identity, `field` the question's in its user's hashes.
    """
    _, raw_entry, raw_answer, raw_context, raw_alias = reply
    if raw_entry is None:
        return LookupResult(), []
    entry = index_entries.decode(raw_entry)
    own = entry if raw_alias is None else index_entries.decode(raw_alias)
    if entry is None or own is None or not _is_spelling(own.question, question):
        return LookupResult(), [field]
    answer = None if raw_answer is None else l1_answers.decode(entry.answer_id, raw_answer)
    sources = None if raw_context is None else l3_contexts.decode(entry.answer_id, raw_context)
    if (answer is None) != (raw_answer is None) or (sources is None) != (raw_context is None):
        return LookupResult(), [field, own.target] if own.target else [field]
    if answer and sources is not None:
        if own is entry:
            return LookupResult(answer, sources, expires=entry.expires), []
        matched = entry.question, own.similarity, field
        return LookupResult(answer, sources, *matched, entry.expires), []
    is_fresh = own is entry and entry.fresh_until > time.time()
    return LookupResult(None, sources if is_fresh else None), []


def _is_spelling(wording: str, identity: str) -> bool:
    return wording == identity or canonical_form(wording) == identity


def parse_answer(
    answer_id: str, raw_answer: bytes | None, raw_context: bytes | None
) -> LookupResult:
    """Parse the reply of get_answer.lua."""
    if raw_answer is None or raw_context is None:
        return LookupResult()
    answer = l1_answers.decode(answer_id, raw_answer)
    sources = l3_contexts.decode(answer_id, raw_context)
    return LookupResult(answer, sources) if answer and sources is not None else LookupResult()
