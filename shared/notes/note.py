"""Notes, chunks and search results."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shared.tags import Tags
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class Note:
    """One version of a user's note.

    `version` increases with each change of the note. `changed_at` is the time of the change, in
    microseconds since 1970 UTC. `sequence` is the number of the change in the sequence of the
    sender's database, or None: see `version_order.Order`. `tags` are stored as
    `normalize_note_tags` returns them.
    """

    user_id: str
    note_id: str
    title: str
    text: str
    version: int
    changed_at: int
    sequence: int | None = None
    tags: "Tags" = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a note with its embedding.

    `title` and `tags` are the note's, which a store writes and reads with the note. `headings` are
    those over the passage, the highest first, such as `Prayer > Why we pray`; empty if there are
    none.
    """

    chunk_id: str
    note_id: str
    content: str
    embedding: "Vector"
    title: str = ""
    headings: str = ""
    tags: "Tags" = ()


class Source(NamedTuple):
    """A chunk that a search found; `similarity` is its cosine with the question, from -1 to 1.

    The other fields are the chunk's.
    """

    chunk_id: str
    note_id: str
    content: str
    similarity: float
    title: str = ""
    headings: str = ""


def locate(title: str, headings: str) -> str:
    """Return where a passage is: the title of its note and the headings over it."""
    return " > ".join(filter(None, [title, headings]))
