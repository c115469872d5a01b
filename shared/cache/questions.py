"""Each user's index of questions: which answers and contexts still count, and why.

The index is the truth. An answer or context counts only while its question is in the index, so
dropping a question is dropping its field, whatever else Redis may have kept or evicted. An entry
begins with a header of fixed width, in ASCII, which the scripts in `lua/` read:

    version(1) kind(1) answer id(11) expires(10) cost(12), and an alias's target(22)
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.cache import codec, keyspace

ANSWER, CONTEXT, ALIAS = "a", "c", "="
_KINDS = frozenset({ANSWER, CONTEXT, ALIAS})
_HEADER = 35
_ALIAS_HEADER = _HEADER + 22
_TAG = 8
_MAX_COST = 10**12 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of one cached question.

    `expires`, and `fresh_until` for its context, are seconds since 1970; `cost` is what the
    answer cost, in billionths of a US dollar; `pipeline` names what answered it; `least` is the
    lowest cosine among its sources, and `full` whether there were as many as a search returns;
    `notes` are the tags of the notes that they come from; `vector` is the canonical embedding.
    An alias has the field of the question whose answer it shares, its `target`, and none of
    these.
    """

    kind: str
    answer_id: str
    expires: int
    cost: int
    question: str
    pipeline: str
    target: str = ""
    fresh_until: int = 0
    least: float = 0.0
    full: bool = False
    notes: frozenset[bytes] = frozenset()
    vector: bytes = b""


def encode(entry: Entry) -> bytes:
    """Write an entry."""
    cost = min(max(entry.cost, 0), _MAX_COST)
    header = f"{codec.VERSION}{entry.kind}{entry.answer_id}{entry.expires:010d}{cost:012d}"
    if entry.kind == ALIAS:
        return (header + entry.target).encode("ascii") + codec.pack(entry.question, entry.pipeline)
    notes = b"".join(sorted(entry.notes))
    return header.encode("ascii") + codec.pack(
        entry.question,
        entry.pipeline,
        entry.fresh_until,
        entry.least,
        entry.full,
        notes,
        entry.vector,
    )


def decode(data: bytes) -> Entry | None:
    """Read an entry; None where it is damaged or of another version."""
    try:
        header = data[:_ALIAS_HEADER].decode("ascii", "replace")
        version, kind, answer_id = header[0], header[1], header[2:13]
        expires, cost = int(header[13:23]), int(header[23:_HEADER])
    except (IndexError, ValueError):
        return None
    if version != codec.VERSION or kind not in _KINDS:
        return None
    common = (kind, answer_id, expires, cost)
    if kind == ALIAS:
        values = codec.unpack(data[_ALIAS_HEADER:], str, str)
        return Entry(*common, values[0], values[1], header[_HEADER:]) if values else None
    values = codec.unpack(data[_HEADER:], str, str, int, float, bool, bytes, bytes)
    if values is None:
        return None
    question, pipeline, fresh_until, least, full, notes, vector = values
    tags = frozenset(notes[start : start + _TAG] for start in range(0, len(notes), _TAG))
    return Entry(*common, question, pipeline, "", fresh_until, least, full, tags, vector)


def decode_all(index: Iterable[tuple[bytes, bytes]]) -> dict[str, Entry | None]:
    """Read a whole index, the fence aside: entries by field, None for what does not decode."""
    named = ((field.decode("ascii", "replace"), value) for field, value in index)
    return {field: decode(value) for field, value in named if field != keyspace.FENCE}
