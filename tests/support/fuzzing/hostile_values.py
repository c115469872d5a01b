"""Hostile values: texts, JSON values, and bodies that are JSON, almost JSON or not JSON."""

import base64
import json
from typing import Any

from hypothesis import strategies as st

from shared.notes.messages.note_changed import Operation

HEAVY = (
    *("\ufdfa", "\u00bd", "\u00b2", "\u2026", "\u0130", "\u1fb7", "a\u0345\u0301", "e\u200b\u0301"),
    *("\u0301\u0316", "\u0344" * 2_000 + "\u0f75" * 2_000, "\uff9e" * 2_000 + "\u093c" * 2_000),
    *("1.", "1 . ", "1 ", " ", "'", "a'", " -1"),
)
"""Characters with a long or slow canonical form, to be repeated."""

_TEXTS = (
    # Control characters, surrogates, zero-width and direction marks, grapheme clusters.
    *("\0", "a\0b", "\ud800", "\udfff\ud800", "\ufeff?", "\u202eabc\u202c", "\u200f", "\u2028"),
    *("\U0001f469\u200d\U0001f469\u200d\U0001f466", "e\u0301\u0301" * 50, "\u0130\u017f\ufb03"),
    # The longest question, and one character more.
    *("x" * 4_000, "\U0001d54f" * 4_000, "x" * 4_001, "1" * 5_000, "1 " * 1_999, "? " * 1_999),
    # Slow for a backtracking regular expression.
    *("1:1-" * 999, "not " * 999, "is.ps." * 666, "'" * 4_000, "(" * 4_000),
    *((each * 4_000)[:4_000] for each in HEAVY),
    # Redis keys and commands, templates, prompts, paths.
    *("{00}:ann:questions", "{", "}", "a:b", "a\r\nSET x 1\r\n", "*3\r\n$3\r\nDEL\r\n"),
    *("", " ", "%s{0}", "<|im_end|>", "</passage>", "../.."),
    *("What is faith?", "What is not faith?", "John 3:16", "what  is\tFAITH"),
)
texts = st.sampled_from(_TEXTS) | st.text(max_size=60) | st.text("ab 1'-?:", max_size=40)

_numbers = (
    st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400])
    | st.floats()
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

# Almost JSON, deeply nested, duplicate keys, lone surrogates, too large.
_BODIES = (
    *("", "{", "}", "[]", "null", "7", '"x"', "NaN", "{'query': 'x'}", '{"query": "x",}', "{}{}"),
    *("[" * 30_000, '{"a":' * 10_000, '{"query": ' + "9" * 20_000 + "}", '{"query": 1e999}'),
    *('{"query": "\\ud800"}', '{"query": "\\udc00\\ud800"}', '{"query": "\\u0000"}'),
    *('{"query": "a", "query": "b"}', '{"query": "a", "query": 7}', '{"\\u0071uery": "x"}'),
    *('{"query": "x"}\0', '\ufeff{"query": "x"}', '{"query": "' + "x" * (1 << 20) + '"}'),
)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _objects(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these members, valid, or with missing, unknown and mistyped ones."""
    loose = {name: values | json_values for name, values in members.items()}
    loose["user_id"] = loose.get("user_id", json_values)
    return st.fixed_dictionaries(members) | st.fixed_dictionaries({}, optional=loose)


_changes = _objects(
    user_id=texts | st.just("ann"),
    note_id=texts,
    operation=st.sampled_from([str(operation) for operation in Operation]),
    occurred_at=st.datetimes().map(lambda time: f"{time.isoformat()}Z")
    | st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-01"]),
    version=st.none() | st.integers(0, 9) | _numbers,
    title=texts,
    text=texts,
)


def _enveloped(message: Any) -> st.SearchStrategy[Any]:
    text = _dumps(message)
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return st.sampled_from(
        [
            {"Type": "Notification", "Message": text},
            {"Type": [message], "Message": message},
            {"Type": "SubscriptionConfirmation", "Message": message},
            {"detail-type": "x", "detail": message},
            {"specversion": "1.0", "data": message},
            {"specversion": "1.0", "data_base64": data},
            {"specversion": "1.0", "data_base64": message},
            {"subscription": "s", "message": {"data": data}},
            {"subscription": "s", "message": {"data": message}},
        ]
    )


_questions = _objects(query=texts) | _objects(query=texts, match=st.just("exact"))
_feedback = _objects(answer_id=texts, verdict=st.just("wrong"))
_messages = _changes | json_values

_notes = st.fixed_dictionaries(
    {"text": texts | json_values}, optional={"title": texts, "version": json_values}
)

question_bodies = (
    (_questions | _feedback | _notes | json_values).map(_dumps) | st.sampled_from(_BODIES) | texts
)
"""Bodies of questions, feedback and notes; some cannot be encoded in UTF-8."""

change_bodies = (
    (_changes | _messages | _messages.flatmap(_enveloped)).map(_dumps)
    | st.sampled_from(_BODIES)
    | texts
)
"""Bodies of note changes, with and without envelopes."""

binary_bodies = st.binary(max_size=80) | question_bodies.map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
"""Bodies as bytes; some are not UTF-8."""
