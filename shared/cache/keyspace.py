"""The names of all keys in Redis. Pure. docs/architecture.md lists them.

Ids and texts are hashed, so that no id can form another key. Users are spread over a fixed number
of partitions. The partition is the hash tag: one script may use all keys of a user and the counters
of the partition, because they share a cluster slot. Shared embeddings use the same partitions.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

from shared.text.canonical_form import canonical_form

PARTITIONS = 64
"""Changing it empties the cache, because it renames the keys of all users."""

FENCE = "fence"
"""The field of the fence in the index. The field of a question is longer."""


def digest(*parts: str) -> str:
    """Hash parts and their lengths with BLAKE2b: 128 bits as 22 characters of base64url."""
    texts = [part.encode("utf-8", "surrogatepass") for part in parts]
    with_lengths = b"".join([len(text).to_bytes(8, "big") + text for text in texts])
    hashed = hashlib.blake2b(with_lengths, digest_size=16)
    return base64.urlsafe_b64encode(hashed.digest()).rstrip(b"=").decode("ascii")


def question_field(question: str, pipeline: str, tags: Iterable[str] = ()) -> str:
    """Return the field of a question in its user's hashes.

    `question` is the identity, `pipeline` is `PipelineId.name`, `tags` are `PipelineId.tags`.
    """
    return digest("question", pipeline, question, *tags)


def rewrite_field(*parts: str) -> str:
    """Return the field of a rewrite in its user's rewrites; `parts` are all that it depends on."""
    return digest("rewrite", *parts)


def refused_pair(wording: str, other: str) -> str:
    """Return the field of two questions, in either order, in their user's refusals."""
    return digest("pair", *sorted((canonical_form(wording), canonical_form(other))))


def note_key(note_id: str) -> bytes:
    """Return 64 bits that identify a note. A collision drops more answers than necessary."""
    return hashlib.blake2b(note_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def embedding_key(model: str, text: str) -> str:
    """Return the key of a text's shared embedding."""
    hashed = digest("text", text)
    return f"{{{_partition(hashed):02x}}}:embedding:{digest('model', model)[:8]}:{hashed}"


def partition_of_embedding(text: str) -> int:
    """Return the partition of a text's shared embedding and its counters."""
    return _partition(digest("text", text))


def embedding_field(model: str, text: str) -> str:
    """Return the field of a text's embedding in a user's own hash."""
    return digest("embedding", model, text)


def counters_key(partition: int, day: str = "total") -> str:
    """Return the key of a partition's counters: of a day (YYYY-MM-DD, UTC), or of all time."""
    return f"{{{partition:02x}}}:counters:{day}"


def entry_counts_key(partition: int) -> str:
    """Return the key of a partition's numbers of entries."""
    return f"{{{partition:02x}}}:entries"


class SharedStateKeys(NamedTuple):
    """The keys of state that all containers share. They are in one cluster slot."""

    state: str
    lock: str
    counters: str


@lru_cache(maxsize=64)
def shared_state_keys(name: str, state_id: str) -> SharedStateKeys:
    """Return the keys of a component's shared state; `name` is the same for all such components."""
    prefix = f"{{{name}}}:{digest(name, state_id)}"
    return SharedStateKeys(f"{prefix}:state", f"{prefix}:lock", f"{prefix}:counters")


def kind(key: str) -> str:
    """Return the type of a key: `string`, `hash`, or `counters` for a hash of integers."""
    if ":embedding:" in key or ":lock:" in key or key.endswith((":state", ":lock")):
        return "string"
    is_counters = ":counters:" in key or key.endswith((":entries", ":counters", ":usage"))
    return "counters" if is_counters else "hash"


def _partition(hashed: str) -> int:
    data = hashlib.blake2b(hashed.encode(), digest_size=2).digest()
    return int.from_bytes(data, "big") % PARTITIONS


@dataclass(frozen=True, slots=True)
class UserKeys:
    """All keys of one user, and their partition."""

    partition: int
    questions: str
    answers: str
    contexts: str
    _prefix: str

    @classmethod
    @lru_cache(maxsize=1_024)
    def of(cls, user_id: str) -> Self:
        """Return a user's keys."""
        user = digest("user", user_id)
        partition = _partition(user)
        prefix = f"{{{partition:02x}}}:{user}:"
        return cls(partition, f"{prefix}questions", f"{prefix}answers", f"{prefix}contexts", prefix)

    @property
    def hashes(self) -> tuple[str, str, str]:
        """The first keys of every script: questions, answers, contexts."""
        return self.questions, self.answers, self.contexts

    @property
    def embeddings(self) -> str:
        """The hash of this user's own embeddings."""
        return f"{self._prefix}embeddings"

    @property
    def refusals(self) -> str:
        """The hash of the pairs of questions whose match this user reported as wrong."""
        return f"{self._prefix}refusals"

    @property
    def rewrites(self) -> str:
        """The hash of the stand-alone questions that this user's follow-ups were rewritten to."""
        return f"{self._prefix}rewrites"

    @property
    def usage(self) -> str:
        """What this user's questions have generated on one day: integers."""
        return f"{self._prefix}usage"

    def lock(self, field: str, fence: str) -> str:
        """Return the key of a question's single-flight lock.

        It contains the fence, so that no request waits for an answer from before a note change.
        """
        return f"{self._prefix}lock:{field}:{fence}"

    def lock_error(self, token: str) -> str:
        """Return the key of the error of a lock's holder."""
        return f"{self._prefix}lock:{token}:error"
