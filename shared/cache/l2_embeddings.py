"""L2: the embedding of a question, shared by all users or stored for each user.

A text has one vector, so sharing it changes no answer. But a user who finds an embedding in the
cache learns that some user asked the same text. `embeddings_per_user` prevents this.

A value holds no text. A hash of question and vector detects key collisions and corruption.
"""

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.cache import codec, counters, keyspace
from shared.cache.redis.commands import Command, Script

if TYPE_CHECKING:
    from shared.cache.pipeline_id import PipelineId
    from shared.settings import Settings

_VERSION = codec.VERSION.encode("ascii")
_CHECK = 16
_EXPIRY = 10
_STORE_SHARED, _STORE_USER = Script("store_shared_embedding"), Script("store_user_embedding")


class EmbeddingTier:
    """The embeddings that one user's requests read and store."""

    def __init__(
        self, settings: "Settings", pipeline: "PipelineId", keys: keyspace.UserKeys
    ) -> None:
        """`keys` are the user's; they are used with `embeddings_per_user`."""
        self._per_user = settings.embeddings_per_user
        self._ttl = settings.embedding_ttl
        self._max_embeddings = settings.max_questions
        self._model = pipeline.embedding
        self._keys = keys

    def get(self, question: str) -> Command:
        """Read a question's embedding: the reply goes to `decode`."""
        if not self._per_user:
            return Command.of("GET", keyspace.embedding_key(self._model, question), optional=True)
        return Command.of(
            "HGET", self._keys.embeddings, keyspace.embedding_field(self._model, question)
        )

    def store(self, question: str, vector: bytes, fence: str) -> Command:
        """Store a question's embedding. A user's own is stored only if the fence is unchanged."""
        if not self._per_user:
            return store_shared(self._model, question, vector, self._ttl)
        keys = self._keys
        # A hash expires as a whole, so each value ends with its own expiry.
        expiry = f"{int(time.time()) + self._ttl:0{_EXPIRY}d}".encode("ascii")
        return _STORE_USER.call(
            [
                keys.questions,
                keys.embeddings,
                *counters.counter_keys(keys.partition),
            ],
            fence,
            keyspace.embedding_field(self._model, question),
            encode(question, vector) + expiry,
            self._ttl,
            self._max_embeddings,
        )


def store_shared(model: str, question: str, vector: bytes, ttl: int) -> Command:
    """Store an embedding that all users share, for `ttl` seconds."""
    partition = keyspace.partition_of_embedding(question)
    keys = [keyspace.embedding_key(model, question), *counters.counter_keys(partition)]
    call = _STORE_SHARED.call(keys, encode(question, vector), ttl)
    return replace(call, optional=True)


def encode(question: str, vector: bytes) -> bytes:
    """Encode an embedding: version, check, vector."""
    return _VERSION + _check(question, vector) + vector


def decode(question: str, dimensions: int, data: bytes | None) -> bytes | None:
    """Decode an embedding of this question and these dimensions; None if it is not valid."""
    if not data:
        return None
    header, rest = data[: 1 + _CHECK], data[1 + _CHECK :]
    vector, expiry = rest[:dimensions], rest[dimensions:]
    if header != _VERSION + _check(question, vector):
        return None
    if len(vector) < dimensions or len(expiry) not in {0, _EXPIRY}:
        return None
    if expiry and not (expiry.isdigit() and int(expiry) > time.time()):
        return None
    return vector


def _check(question: str, vector: bytes) -> bytes:
    text_hash = hashlib.sha256(question.encode()).digest()
    return hashlib.sha256(text_hash + vector).digest()[:_CHECK]
