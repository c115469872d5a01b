"""Notes, chunks and search results."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class Note:
    """One version of a user's note.

    `version` increases with each change of the note. `changed_at` is the time of the change, in
    microseconds since 1970 UTC.
    """

    user_id: str
    note_id: str
    title: str
    text: str
    version: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a note with its embedding."""

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
