"""The answered questions of a user that another question can match, decoded only when needed.

A miss reads a user's whole index. Decoding an entry takes 12 us, and at most three are compared, so
the others are only cut at fixed places: the header, and the vector before the entry's last value.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.cache import codec, index_entries
from shared.tags import join_tags

if TYPE_CHECKING:
    from shared.cache.index_entries import Entry
    from shared.cache.pipeline_id import PipelineId
    from shared.tags import Tags

_BEHIND_VECTOR = len(codec.add_checksum(codec.pack(1.0)[1:]))  # without the array's first byte


@dataclass(frozen=True, slots=True)
class MatchableEntries:
    """Index entries of answers that have not expired, by row. `decode` checks the pipeline.

    Args:
        rows: the field and the encoded entry.
        pipeline: `PipelineId.name` of all entries.
        dimensions: of their vectors.
        tags: of their questions.
    """

    rows: "Sequence[tuple[bytes, bytes]]" = ()
    pipeline: str = ""
    dimensions: int = 0
    tags: "Tags" = ()

    def __len__(self) -> int:
        return len(self.rows)

    def vectors(self) -> bytes:
        """Return the canonical vectors of all rows, one behind the other."""
        start, end = -_BEHIND_VECTOR - self.dimensions, -_BEHIND_VECTOR
        return b"".join([sealed[start:end] for _, sealed in self.rows])

    def texts(self) -> list[bytes]:
        """Return bytes for each row that contain its question in UTF-8, among others."""
        end = -_BEHIND_VECTOR - self.dimensions
        return [sealed[index_entries.HEADER : end] for _, sealed in self.rows]

    def decode(self, row: int) -> "tuple[str, Entry] | None":
        """Return the field and the entry of a row; None if it is corrupt or of another pipeline."""
        field, sealed = self.rows[row]
        entry = index_entries.decode(sealed)
        if entry is None or (entry.pipeline, entry.tags) != (self.pipeline, self.tags):
            return None
        return field.decode("ascii", "replace"), entry

    def items(self) -> "Iterator[tuple[str, Entry]]":
        """Yield the field and the entry of each valid row."""
        return filter(None, map(self.decode, range(len(self))))


def select(
    index: Iterable[tuple[bytes, bytes]], field: str, pipeline: "PipelineId"
) -> MatchableEntries:
    """Return the unexpired answers with these tags to questions but `field`."""
    header, expires = index_entries.HEADER, index_entries.EXPIRES
    start = f"{codec.VERSION}{index_entries.ANSWER}".encode("ascii")
    now = b"%010d" % int(time.time())
    own = field.encode("ascii")
    size = index_entries.first_byte(pipeline.tags)
    empty = bytes(pipeline.dimensions)
    before_vector = codec.pack(empty)[1 : -len(empty)]
    vector = -_BEHIND_VECTOR - len(empty)
    head = slice(vector - len(before_vector), vector)
    rows = [
        (other, sealed)
        for other, sealed in index
        if sealed.startswith(start)
        and sealed[expires] > now
        and sealed[head] == before_vector
        and sealed[header] == size
        and other != own
    ]
    if pipeline.tags:
        tags = codec.pack(join_tags(pipeline.tags))[1:]
        rows = [row for row in rows if tags in row[1]]
    return MatchableEntries(rows, pipeline.name, pipeline.dimensions, pipeline.tags)
