"""L2: the embedding of a question, shared by all users: the same words have the same vector.

An entry holds no words, so that a user who is deleted leaves none here: what guards against a
collision of keys is a second, independent hash.
"""

import hashlib

from shared.cache import codec, keyspace
from shared.cache.connection import Command

_VERSION = codec.VERSION.encode("ascii")
_CHECK = 16


def read(model: str, question: str) -> Command:
    """Ask for a question's embedding."""
    return Command.of("GET", keyspace.embedding(model, question))


def write(model: str, question: str, vector: bytes, ttl: int) -> Command:
    """Keep a question's embedding for `ttl` seconds."""
    value = _VERSION + _check(question) + vector
    return Command.of("SET", keyspace.embedding(model, question), value, "EX", ttl)


def decode(question: str, dimensions: int, data: bytes | None) -> bytes | None:
    """Read an embedding, if it is of this question and has this many components."""
    begin = _VERSION + _check(question)
    if not data or not data.startswith(begin) or len(data) != len(begin) + dimensions:
        return None
    return data[len(begin) :]


def _check(question: str) -> bytes:
    return hashlib.sha256(question.encode()).digest()[:_CHECK]
