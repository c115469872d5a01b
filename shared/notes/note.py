"""Notes, their chunks, and what a search finds: plain values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class Note:
    """One note of one user, as it was at one moment.

    `version` is a number that grows with each change of this note. `changed_at` is when that
    change happened, in microseconds since 1970 UTC.
    """

    user_id: str
    note_id: str
    title: str
    text: str
    version: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a note, small enough to be embedded and quoted whole."""

    chunk_id: str
    note_id: str
    content: str
    embedding: "Vector"


@dataclass(frozen=True, slots=True)
class Source:
    """A chunk that a search found; `similarity` is its cosine with the question, from -1 to 1."""

    chunk_id: str
    note_id: str
    content: str
    similarity: float
