"""L2: the embedding of a question, shared by all users, or kept apart for each.

The same words have the same vector, so sharing it changes no answer; but whoever finds one there
learns that somebody asked these words. Where that is too much, each user has a hash of their own.

An entry holds no words: what guards against a collision of keys is a second, independent hash, of
the vector as well, so that damage shows, too. So a user who is deleted leaves none on the shared
shelf, and their own hash goes with them.
"""

import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shared.cache import codec, counters, keyspace
from shared.cache.redis.commands import Command, Script

if TYPE_CHECKING:
    from shared.settings import Settings

_VERSION = codec.VERSION.encode("ascii")
_CHECK = 16
_END = 10
_SHARE, _KEEP = Script("store_shared_embedding"), Script("store_user_embedding")


def read(model: str, question: str) -> Command:
    """Ask for a question's embedding."""
    return Command.of("GET", keyspace.embedding(model, question), optional=True)


def write(model: str, question: str, vector: bytes, ttl: int) -> Command:
    """Keep a question's embedding for `ttl` seconds."""
    partition = keyspace.partition_of_embedding(question)
    names = (
        keyspace.embedding(model, question),
        counters.todays_key(partition),
        keyspace.entry_counts(partition),
    )
    return replace(_SHARE.call(names, encode(question, vector), ttl, counters.TTL), optional=True)


def encode(question: str, vector: bytes) -> bytes:
    """Write an embedding."""
    return _VERSION + _check(question, vector) + vector


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the embeddings that a user may find are: everybody's, or in `own`, theirs alone.

    An entry of one's own tells its end, for a hash ends as a whole; and there are `most` of them.
    """

    model: str
    ttl: int
    most: int
    own: keyspace.UserKeys | None

    @classmethod
    def of(cls, settings: "Settings", model: str, keys: keyspace.UserKeys) -> Self:
        """Choose by the settings."""
        own = keys if settings.embeddings_per_user else None
        return cls(model, settings.embedding_ttl, settings.max_questions, own)

    def read(self, question: str) -> Command:
        """Ask for a question's embedding."""
        if self.own is None:
            return read(self.model, question)
        field = keyspace.embedding_field(self.model, question)
        return Command.of("HGET", self.own.embeddings, field)

    def write(self, question: str, vector: bytes, fence: str) -> Command:
        """Keep a question's embedding; one's own only if the user's `fence` still stands."""
        if self.own is None:
            return write(self.model, question, vector, self.ttl)
        end = f"{int(time.time()) + self.ttl:0{_END}d}".encode("ascii")
        return _KEEP.call(
            [
                self.own.questions,
                self.own.embeddings,
                counters.todays_key(self.own.partition),
                self.own.entry_counts,
            ],
            fence,
            keyspace.embedding_field(self.model, question),
            encode(question, vector) + end,
            self.ttl,
            self.most,
            counters.TTL,
        )


def decode(question: str, dimensions: int, data: bytes | None) -> bytes | None:
    """Read an embedding, if it is of this question, has this many components and counts still."""
    if not data:
        return None
    begin, rest = data[: 1 + _CHECK], data[1 + _CHECK :]
    vector, end = rest[:dimensions], rest[dimensions:]
    if begin != _VERSION + _check(question, vector):
        return None
    if len(vector) < dimensions or len(end) not in {0, _END}:
        return None
    if end and not (end.isdigit() and int(end) > time.time()):
        return None
    return vector


def _check(question: str, vector: bytes) -> bytes:
    words = hashlib.sha256(question.encode()).digest()
    return hashlib.sha256(words + vector).digest()[:_CHECK]
