"""L2: the embedding of a question, shared by all users: the same words have the same vector."""

from shared.cache import codec, keyspace
from shared.cache.connection import Command

_VERSION = codec.VERSION.encode("ascii")


def read(model: str, question: str) -> Command:
    """Ask for a question's embedding."""
    return Command.of("GET", keyspace.embedding(model, question))


def write(model: str, question: str, vector: bytes, ttl: int) -> Command:
    """Keep a question's embedding for `ttl` seconds."""
    value = _VERSION + codec.pack(question, vector)
    return Command.of("SET", keyspace.embedding(model, question), value, "EX", ttl)


def decode(question: str, dimensions: int, data: bytes | None) -> bytes | None:
    """Read an embedding, if it is of this question and has this many components."""
    if not data or not data.startswith(_VERSION):
        return None
    values = codec.unpack(data[1:], str, bytes)
    if values is None or values[0] != question or len(values[1]) != dimensions:
        return None
    vector: bytes = values[1]
    return vector
