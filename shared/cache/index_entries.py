"""Each user's index: one entry for each cached question.

An answer or context is valid only while the index has an entry for its question. So deleting the
field of a question drops its answer, whatever Redis evicted. An entry begins with a header of
fixed width, in ASCII, which the scripts in `lua/` read:

    version(1) kind(1) answer id(11)
    expires(10) hits(6) last use(10) origin(1)
    latest expiry(10) cost(12), and the target(22) of ALIAS

The scripts rewrite the second line at each hit. It ends with a checksum of all but this line,
because a corrupt entry could lead to a stale answer. A corrupt expiry cannot: `decode` refuses one
after the latest expiry.
"""

import math
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from shared.answer import new_answer_id
from shared.cache import codec, keyspace, source_digests
from shared.tags import Tags, join_tags, split_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.answer import Answer
    from shared.cache.pipeline_id import PipelineId
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector

ANSWER, CONTEXT, ALIAS, PENDING = "a", "c", "=", "p"
_KINDS = frozenset({ANSWER, CONTEXT, ALIAS, PENDING})
_EMPTY_SECONDS = 60
"""TTL of an empty context. A user's first note may be in the store before its message arrives."""
_USES = slice(13, 40)
EXPIRES = slice(13, 23)
_WARMED, _REQUESTED = "w", "r"
HEADER = 62
"""Where the packed values of an answer or context begin."""

_ALIAS_HEADER = HEADER + 22
_PARTS = re.compile(
    rf"{codec.VERSION}([{''.join(_KINDS)}])(.{{11}})(\d{{10}})(\d{{6}})(\d{{10}})(.)(\d{{10}})(\d{{12}})",
    re.ASCII | re.DOTALL,
)
_VALUES = str, str, int, float, bytes, bytes, float
_VALUES_WITH_TAGS = str, str, int, float, str, bytes, bytes, float
_DIGEST = 8  # bytes of a note's key, and of its digest
_MAX_COST = 10**12 - 1
_NANO = 1e-9


class Entry(NamedTuple):  # decoding a whole index creates many, which dataclasses make slow
    """One cached question.

    ANSWER has an answer, CONTEXT only a context. ALIAS shares the answer of another question. All
    its values but those of the answer are its own, so it is also dropped when its own search may
    have another result. It is valid only while the answer is. PENDING has neither: its answer was
    dropped, and it is to be asked again in the background.

    Attributes:
        kind: ANSWER, CONTEXT or ALIAS.
        answer_id: the id of the answer, or of the context.
        expires: when the entry expires, in seconds since 1970.
        latest_expiry: the bound of `expires`, which grows with the hits, in seconds since 1970.
        hits: how often the answer was served after it was generated, or an alias after its match.
            They begin with those of the dropped answer whose place it took: see `new_pending`.
        last_used: the time of the last hit, or of the generation or match, in seconds since 1970.
        cost: of the answer, in nanodollars.
        question: the wording of the user who asked it first.
        pipeline: `PipelineId.name`.
        target: the field of the question whose answer an alias shares.
        fresh_until: when the context expires, in seconds since 1970.
        lowest_similarity: the cosine of the last source; -inf if the search returned fewer than k,
            so that any other chunk would be a source.
        digests: `note_digests`, packed.
        vector: the canonical embedding.
        similarity: the cosine of the question and its target.
        tags: those that the question names.
        is_unused: whether the answer was generated in the background and no request has got it yet.
    """

    kind: str
    answer_id: str
    expires: int
    latest_expiry: int
    cost: int
    question: str
    pipeline: str
    target: str = ""
    fresh_until: int = 0
    lowest_similarity: float = 0.0
    digests: bytes = b""
    vector: bytes = b""
    similarity: float = 1.0
    tags: Tags = ()
    hits: int = 0
    last_used: int = 0
    is_unused: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether a lookup finds an answer: this question's or its target's."""
        return self.kind in {ANSWER, ALIAS}

    @property
    def note_digests(self) -> "Mapping[bytes, bytes]":
        """The digests of the sources of each note, by `note_key` (`source_digests.py`)."""
        return {
            self.digests[at : at + _DIGEST]: self.digests[at + _DIGEST : at + 2 * _DIGEST]
            for at in range(0, len(self.digests), 2 * _DIGEST)
        }

    @property
    def popularity(self) -> int:
        """The hits, less one if the answer was generated in the background for nothing."""
        return self.hits - self.is_unused


def pack_digests(by_note: "Mapping[bytes, bytes]") -> bytes:
    """Pack `Entry.note_digests`."""
    return b"".join(key + digest for key, digest in by_note.items())


def nanodollars(dollars: float) -> int:
    """Convert US dollars to the unit of entries and counters."""
    return round(dollars / _NANO)


def new_entry(
    question: str,
    vector: "Vector",
    sources: "Sequence[Source]",
    answer: "Answer | None" = None,
    *,
    pipeline: "PipelineId",
    settings: "Settings",
) -> Entry:
    """Create the entry of an answer, or of a context if there is no answer.

    It expires at the end of the pipeline's day at the latest.
    """
    now = int(time.time())
    context_ttl = settings.context_ttl if sources else min(settings.context_ttl, _EMPTY_SECONDS)
    ttl, longest_ttl = context_ttl, context_ttl
    if answer:
        ttl, longest_ttl = settings.answer_ttl, max(settings.answer_ttl, settings.answer_ttl_max)
    day_ends = pipeline.day.ends if pipeline.day else now + longest_ttl
    return Entry(
        kind=ANSWER if answer else CONTEXT,
        answer_id=answer.answer_id if answer else new_answer_id(),
        expires=min(now + ttl, day_ends),
        latest_expiry=min(now + longest_ttl, day_ends),
        cost=nanodollars(answer.cost) if answer else 0,
        question=question,
        pipeline=pipeline.name,
        fresh_until=now + context_ttl,
        lowest_similarity=sources[-1].similarity
        if len(sources) >= pipeline.retrieved_chunks
        else -math.inf,
        digests=pack_digests(source_digests.by_note(sources)),
        vector=vector.tobytes(),
        tags=pipeline.tags,
        last_used=now,
    )


def new_alias(own: Entry, field: str, target: Entry, similarity: float) -> Entry:
    """Create an alias of the question at `field`; it is valid as long as that one."""
    return own._replace(
        kind=ALIAS,
        answer_id=target.answer_id,
        expires=target.latest_expiry,
        latest_expiry=target.latest_expiry,
        cost=target.cost,
        target=field,
        similarity=similarity,
    )


def new_pending(dropped: Entry) -> Entry:
    """Create the entry of a question whose answer is dropped. It keeps popularity and expiry."""
    return dropped._replace(
        kind=PENDING,
        hits=max(0, dropped.popularity),
        target="",
        vector=b"",
        digests=b"",
        is_unused=False,
    )


def encode(entry: Entry) -> bytes:
    """Encode an entry."""
    cost = min(max(entry.cost, 0), _MAX_COST)
    origin = _WARMED if entry.is_unused else _REQUESTED
    header = f"{codec.VERSION}{entry.kind}{entry.answer_id}{entry.latest_expiry:010d}{cost:012d}"
    uses = f"{entry.expires:010d}{entry.hits:06d}{entry.last_used:010d}{origin}"
    packed = codec.pack(
        entry.question,
        entry.pipeline,
        entry.fresh_until,
        entry.lowest_similarity,
        *([join_tags(entry.tags)] if entry.tags else []),
        entry.digests,
        entry.vector,
        entry.similarity,
    )
    sealed = codec.add_checksum((header + entry.target).encode("ascii") + packed)
    return sealed[: _USES.start] + uses.encode("ascii") + sealed[_USES.start :]


def first_byte(tags: Tags) -> int:
    """Return the first byte behind the header: it says whether the entry's question has tags."""
    return codec.pack(*range(len(_VALUES_WITH_TAGS if tags else _VALUES)))[0]


def decode(sealed: bytes) -> Entry | None:
    """Decode an entry; None if it is corrupt or of another version."""
    data = codec.verify_checksum(sealed[: _USES.start] + sealed[_USES.stop :])
    header = _PARTS.match(sealed[:_ALIAS_HEADER].decode("ascii", "replace"))
    if data is None or header is None:
        return None
    kind, answer_id, origin = header.group(1, 2, 6)
    expires, hits, last_used, latest_expiry, cost = map(int, header.group(3, 4, 5, 7, 8))
    if expires > latest_expiry:
        return None
    begin = _ALIAS_HEADER if kind == ALIAS else HEADER
    packed = data[begin + _USES.start - _USES.stop :]
    values = codec.unpack(packed, *_VALUES) or codec.unpack(packed, *_VALUES_WITH_TAGS)
    if values is None:
        return None
    question, pipeline, fresh_until, lowest, *tags, digests, vector, similarity = values
    return Entry(
        kind,
        answer_id,
        expires,
        latest_expiry,
        cost,
        question,
        pipeline,
        target=header.string[HEADER:begin],
        fresh_until=fresh_until,
        lowest_similarity=lowest,
        digests=digests,
        vector=vector,
        similarity=similarity,
        tags=split_tags(tags[0]) if tags else (),
        hits=hits,
        last_used=last_used,
        is_unused=origin == _WARMED,
    )


def decode_index(index: Iterable[tuple[bytes, bytes]]) -> dict[str, Entry | None]:
    """Decode a whole index without its fence: entries by field, None for a corrupt one."""
    items = ((field.decode("ascii", "replace"), value) for field, value in index)
    return {field: decode(value) for field, value in items if field != keyspace.FENCE}
