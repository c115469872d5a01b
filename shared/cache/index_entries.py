"""Each user's index of questions: which answers and contexts still count, and why.

The index is the truth. An answer or context counts only while its question is in the index, so
dropping a question is dropping its field, whatever else Redis may have kept or evicted. An entry
begins with a header of fixed width, in ASCII, which the scripts in `lua/` read:

    version(1) kind(1) answer id(11) expires(10) cost(12), and the target(22) of ALIAS and REFUSAL

and ends with a checksum: what follows from a damaged entry could be a stale answer.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.answer import new_answer_id
from shared.cache import codec, keyspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.answer import Answer
    from shared.cache.pipeline_id import Pipeline
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector

ANSWER, CONTEXT, ALIAS, REFUSAL = "a", "c", "=", "!"
_KINDS = frozenset({ANSWER, CONTEXT, ALIAS, REFUSAL})
_NOTHING_SECONDS = 60
"""How long it is believed that a user has no notes: the first one may come before its message."""
_POINTING = frozenset({ALIAS, REFUSAL})
_HEADER = 35
_ALIAS_HEADER = _HEADER + 22
_TAG = 8
_MAX_COST = 10**12 - 1
_NANO = 1e-9


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of one cached question.

    `expires`, and `fresh_until` for its context, are seconds since 1970; `cost` is what the
    answer cost, in billionths of a US dollar; `pipeline` names what answered it; `least` is the
    lowest cosine among its sources, and `full` whether there were as many as a search returns;
    `notes` are the tags of the notes that they come from; `vector` is the canonical embedding.
    An alias shares the answer of another question: `target` is that one's field, `similarity`
    the cosine of the two. The rest is its own, so that it falls when its answer falls, and also
    when its own search could find something else. REFUSAL was an alias until its asker said
    that the answer is wrong here: it finds nothing, and is not matched to its target again.
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
    similarity: float = 1.0

    @property
    def is_answer(self) -> bool:
        """Whether whoever asks this is answered from it: it has an answer, or shares one."""
        return self.kind in {ANSWER, ALIAS}


def nanodollars(dollars: float) -> int:
    """Write money as entries and counters hold it."""
    return round(dollars / _NANO)


def entry(
    question: str,
    vector: "Vector",
    sources: "Sequence[Source]",
    answer: "Answer | None" = None,
    *,
    pipeline: "Pipeline",
    settings: "Settings",
) -> Entry:
    """Say of a question what a later note change, or another question, will need to know."""
    now = int(time.time())
    context_ttl = settings.context_ttl if sources else min(settings.context_ttl, _NOTHING_SECONDS)
    return Entry(
        kind=ANSWER if answer else CONTEXT,
        answer_id=answer.answer_id if answer else new_answer_id(),
        expires=now + (settings.answer_ttl if answer else context_ttl),
        cost=nanodollars(answer.cost) if answer else 0,
        question=question,
        pipeline=pipeline.name,
        fresh_until=now + context_ttl,
        least=min((source.similarity for source in sources), default=-1.0),
        full=len(sources) >= pipeline.retrieved_chunks,
        notes=frozenset(keyspace.note_tag(source.note_id) for source in sources),
        vector=vector.tobytes(),
    )


def alias(own: Entry, field: str, target: Entry, similarity: float) -> Entry:
    """Let a question share the answer of another, at `field`, for as long as that one lives."""
    return replace(
        own,
        kind=ALIAS,
        answer_id=target.answer_id,
        expires=target.expires,
        cost=target.cost,
        target=field,
        similarity=similarity,
    )


def encode(entry: Entry) -> bytes:
    """Write an entry."""
    cost = min(max(entry.cost, 0), _MAX_COST)
    header = f"{codec.VERSION}{entry.kind}{entry.answer_id}{entry.expires:010d}{cost:012d}"
    packed = codec.pack(
        entry.question,
        entry.pipeline,
        entry.fresh_until,
        entry.least,
        entry.full,
        b"".join(sorted(entry.notes)),
        entry.vector,
        entry.similarity,
    )
    return codec.seal((header + entry.target).encode("ascii") + packed)


def decode(sealed: bytes) -> Entry | None:
    """Read an entry; None where it is damaged or of another version."""
    data = codec.unseal(sealed)
    if data is None:
        return None
    try:
        header = data[:_ALIAS_HEADER].decode("ascii", "replace")
        version, kind, answer_id = header[0], header[1], header[2:13]
        expires, cost = int(header[13:23]), int(header[23:_HEADER])
    except (IndexError, ValueError):
        return None
    if version != codec.VERSION or kind not in _KINDS:
        return None
    begin = _ALIAS_HEADER if kind in _POINTING else _HEADER
    values = codec.unpack(data[begin:], str, str, int, float, bool, bytes, bytes, float)
    if values is None:
        return None
    question, pipeline, fresh_until, least, full, notes, vector, similarity = values
    return Entry(
        kind,
        answer_id,
        expires,
        cost,
        question,
        pipeline,
        target=header[_HEADER:begin],
        fresh_until=fresh_until,
        least=least,
        full=full,
        notes=frozenset(notes[start : start + _TAG] for start in range(0, len(notes), _TAG)),
        vector=vector,
        similarity=similarity,
    )


def answered(index: Iterable[tuple[bytes, bytes]], field: str, pipeline: str) -> dict[str, Entry]:
    """Read of an index what this pipeline has answered, what is over and `field` itself aside.

    Nor is there what `field` was once matched with and must not be again.
    """
    now = time.time()
    entries = decode_all(index)
    own = entries.get(field)
    refused = own.target if own and own.kind == REFUSAL else ""
    return {
        other: entry
        for other, entry in entries.items()
        if entry
        and entry.kind == ANSWER
        and entry.pipeline == pipeline
        and entry.expires > now
        and other not in {field, refused}
    }


def decode_all(index: Iterable[tuple[bytes, bytes]]) -> dict[str, Entry | None]:
    """Read a whole index, the fence aside: entries by field, None for what does not decode."""
    named = ((field.decode("ascii", "replace"), value) for field, value in index)
    return {field: decode(value) for field, value in named if field != keyspace.FENCE}
