"""Hostile values: texts, JSON values, and bodies that are JSON, nearly JSON, or nothing at all."""

import base64
import json
from typing import Any

from hypothesis import strategies as st

from shared.notes.messages.note_changed import Operation

# What breaks things elsewhere: ends of ranges, other planes, what has no width or no other half.
_UNICODE = (
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\ufeff?",
    "\u202eabc\u202c",
    "\u200f",
    "\u2028",
)
_CLUSTERS = (
    "\U0001f469\u200d\U0001f469\u200d\U0001f466",
    "e\u0301\u0301" * 50,
    "\u0130\u017f\ufb03",
)
_LONG = ("x" * 4_000, "\U0001d54f" * 4_000, "x" * 4_001, "1" * 5_000, "1 " * 1_999, "? " * 1_999)
_SLOW = ("1:1-" * 999, "not " * 999, "is.ps." * 666, "'" * 4_000, "(" * 4_000)
HEAVY = (
    "\ufdfa",
    "\u00bd",
    "\u00b2",
    "\u2026",
    "\u0130",
    "\u1fb7",
    "a\u0345\u0301",
    "e\u200b\u0301",
    "\u0301\u0316",
    "\u0344" * 2_000 + "\u0f75" * 2_000,
    "\uff9e" * 2_000 + "\u093c" * 2_000,
    "1.",
    "1 . ",
    "1 ",
    " ",
    "'",
    "a'",
    " -1",
)
"""Characters whose normal form is long or hard to find, to be repeated."""
_REPEATED = tuple((each * 4_000)[:4_000] for each in HEAVY)
_KEYS = ("{00}:ann:questions", "{", "}", "a:b", "a\r\nSET x 1\r\n", "*3\r\n$3\r\nDEL\r\n")
_MARKS = ("", " ", "%s{0}", "<|im_end|>", "</passage>", "../..")
_PLAIN = ("What is faith?", "What is not faith?", "John 3:16", "what  is\tFAITH")
texts = (
    st.sampled_from(_UNICODE + _CLUSTERS + _LONG + _SLOW + _REPEATED + _KEYS + _MARKS + _PLAIN)
    | st.text(max_size=60)
    | st.text("ab 1'-?:", max_size=40)
)

numbers = (
    st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400])
    | st.floats()
)
scalars = st.none() | st.booleans() | numbers | texts
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

# Text that a lenient reader takes for JSON, and that makes a careless one work or fall.
_NEARLY = (
    "",
    "{",
    "}",
    "[]",
    "null",
    "7",
    '"x"',
    "NaN",
    "{'query': 'x'}",
    '{"query": "x",}',
    "{}{}",
)
_DEEP = ("[" * 30_000, '{"a":' * 10_000, '{"query": ' + "9" * 20_000 + "}", '{"query": 1e999}')
_HALVES = ('{"query": "\\ud800"}', '{"query": "\\udc00\\ud800"}', '{"query": "\\u0000"}')
_TWICE = ('{"query": "a", "query": "b"}', '{"query": "a", "query": 7}', '{"\\u0071uery": "x"}')
_AROUND = ('{"query": "x"}\0', '\ufeff{"query": "x"}', '{"query": "' + "x" * 65_536 + '"}')
_BOMBS = _NEARLY + _DEEP + _HALVES + _TWICE + _AROUND


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields, some of them missing, of another kind, or with others beside."""
    loose = {name: values | json_values for name, values in fields.items()}
    known = st.fixed_dictionaries({}, optional=loose) | st.fixed_dictionaries(fields)
    others = st.dictionaries(texts | st.just("user_id"), json_values, max_size=2)
    return st.builds(lambda one, other: {**other, **one}, known, others) | known


_QUESTIONS = objects(
    query=texts, match=st.sampled_from(["any", "exact"]), explain=st.booleans()
) | objects(query=texts)
_VERDICTS = objects(answer_id=texts, verdict=st.just("wrong"))
_CHANGES = objects(
    user_id=texts | st.just("ann"),
    note_id=texts,
    operation=st.sampled_from([str(operation) for operation in Operation]),
    occurred_at=st.datetimes().map(lambda at: f"{at.isoformat()}Z")
    | st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-01"]),
    version=st.none() | st.integers(0, 9) | numbers,
    title=texts,
    text=texts,
)


def _enveloped(message: Any) -> st.SearchStrategy[Any]:
    written = _written(message)
    data = base64.b64encode(written.encode("utf-8", "replace")).decode()
    return st.sampled_from(
        [
            {"Type": "Notification", "Message": written},
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


_messages = _CHANGES | json_values
_messages = _messages | _messages.flatmap(_enveloped) | _CHANGES

bodies = (_QUESTIONS | _VERDICTS | json_values).map(_written) | st.sampled_from(_BOMBS) | texts
"""Of questions and verdicts, as text; some of it has no form in UTF-8."""

changes = _messages.map(_written) | st.sampled_from(_BOMBS) | texts
"""Of note changes, bare and in envelopes."""

raw_bodies = st.binary(max_size=80) | bodies.map(lambda text: text.encode("utf-8", "surrogatepass"))
"""The same as bytes, also those of no text."""
