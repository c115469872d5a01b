"""The names of everything that Tercet keeps in Redis. Pure.

    {1f}:<user>:questions                  hash: the user's index, and the fence        (L1, L3)
    {1f}:<user>:answers                    hash: answers by question                     (L1)
    {1f}:<user>:contexts                   hash: retrieved chunks by question            (L3)
    {1f}:<user>:embeddings                 hash: embeddings, where users share none      (L2)
    {1f}:<user>:lock:<question>:<fence>  who is generating this answer now
    {1f}:<user>:lock:<token>:failure     why the flight of this token brought no answer
    {1f}:counters:<day>                    hash: what happened in this partition
    {1f}:entries                              hash: how many entries live, by kind and end
    totals:<day>                           what happened in all, once the day is over
    {a3}:embedding:<model>:<text>          a question's embedding, for every user        (L2)
    {breaker}:<id>:lock:…, :counters:…     state of circuit breakers that containers share

Ids and texts are hashed before they enter a name, so none can forge another. Users are spread
over a fixed number of partitions, and the partition is the hash tag: all of a user's keys and
the counters of that partition share one slot of a cluster, so that one script may use them all.
Texts are spread over the same partitions, so that whoever keeps an embedding counts it, too.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

PARTITIONS = 64
"""Changing it empties the cache: users' keys move to other names."""

FENCE = "fence"
"""The index's one field that is no question; a question's field is longer."""


def digest(*parts: str) -> str:
    """128 bits of BLAKE2b over the parts and where they part, as 22 characters of base64url."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return base64.urlsafe_b64encode(hashed.digest()).rstrip(b"=").decode("ascii")


def question_field(question: str, pipeline: str) -> str:
    """Name a question in its user's hashes, by its normal form and the pipeline that answers it.

    Another model, prompt or number of chunks gives other answers, so it is another field.
    """
    return digest("question", pipeline, question)


def note_tag(note_id: str) -> bytes:
    """64 bits that stand for a note: two notes alike would only be dropped together."""
    return hashlib.blake2b(note_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def embedding(model: str, text: str) -> str:
    """Where the canonical embedding of a text by a model is kept."""
    named = digest("text", text)
    return f"{{{_partition(named):02x}}}:embedding:{digest('model', model)[:8]}:{named}"


def partition_of_embedding(text: str) -> int:
    """Where a text's embedding is kept, and counted."""
    return _partition(digest("text", text))


def embedding_field(model: str, text: str) -> str:
    """Name an embedding in a user's own hash."""
    return digest("embedding", model, text)


def counters(partition: int, day: str) -> str:
    """Where a partition counts what happens on a day (YYYY-MM-DD, UTC)."""
    return f"{{{partition:02x}}}:counters:{day}"


def entry_counts(partition: int) -> str:
    """Where a partition counts what lives, by its kind and the hour in which it ends."""
    return f"{{{partition:02x}}}:entries"


def totals(day: str) -> str:
    """Where the sums of a day that is over are kept, and those of all days up to it."""
    return f"totals:{day}"


def kind(key: str) -> str:
    """What is kept under a name: `string`, `hash`, or `counters`, a hash of integers."""
    if key.startswith("totals:") or ":embedding:" in key or ":lock:" in key:
        return "string"
    return "counters" if ":counters:" in key or key.endswith(":entries") else "hash"


def _partition(named: str) -> int:
    spread = hashlib.blake2b(named.encode(), digest_size=2).digest()
    return int.from_bytes(spread, "big") % PARTITIONS


@dataclass(frozen=True, slots=True)
class UserKeys:
    """All the keys of one user, and the partition that they live in."""

    partition: int
    questions: str
    answers: str
    contexts: str
    _prefix: str

    @classmethod
    @lru_cache(maxsize=1_024)  # whoever asks once asks again
    def of(cls, user_id: str) -> Self:
        """Name a user's keys."""
        user = digest("user", user_id)
        partition = _partition(user)
        prefix = f"{{{partition:02x}}}:{user}:"
        return cls(partition, f"{prefix}questions", f"{prefix}answers", f"{prefix}contexts", prefix)

    @property
    def embeddings(self) -> str:
        """Where this user's embeddings are, where users share none."""
        return f"{self._prefix}embeddings"

    @property
    def entry_counts(self) -> str:
        """Where the partition counts what lives."""
        return entry_counts(self.partition)

    def lock(self, field: str, fence: str) -> str:
        """Name a flight. The fence is in it: nobody joins one from before a change."""
        return f"{self._prefix}lock:{field}:{fence}"

    def failure(self, token: str) -> str:
        """Name what the owner of a flight says where it fails."""
        return f"{self._prefix}lock:{token}:failure"
