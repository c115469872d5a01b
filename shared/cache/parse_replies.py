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
    _, raw_entry, value, raw_alias = reply
    if raw_entry is None:
        return LookupResult(), []
    entry = index_entries.decode(raw_entry)
    own = entry if raw_alias is None else index_entries.decode(raw_alias)
    if entry is None or own is None or not _is_spelling(own.question, question):
        return LookupResult(), [field]
    if value is None:
        return LookupResult(), []
    found = _parse_value(entry, value)
    if found is None:
        return LookupResult(), [field, own.target] if own.target else [field]
    if own is not entry:
        matched = entry.question, own.similarity, field
        found = LookupResult(found.answer, found.sources, *matched, entry.expires)
    return found, []


def _parse_value(entry: index_entries.Entry, value: bytes) -> LookupResult | None:
    """Parse an entry's answer or context; None if it is corrupt."""
    if entry.kind == index_entries.CONTEXT:
        sources = l3_contexts.decode(entry.answer_id, value)
        is_fresh = entry.fresh_until > time.time()
        return None if sources is None else LookupResult(None, sources if is_fresh else None)
    decoded = l1_answers.decode(entry.answer_id, value)
    return LookupResult(*decoded, expires=entry.expires) if decoded else None


def _is_spelling(wording: str, identity: str) -> bool:
    return wording == identity or canonical_form(wording) == identity


def parse_answer(answer_id: str, value: bytes | None) -> LookupResult:
    """Parse the reply of get_answer.lua."""
    decoded = None if value is None else l1_answers.decode(answer_id, value)
    return LookupResult(*decoded) if decoded else LookupResult()
