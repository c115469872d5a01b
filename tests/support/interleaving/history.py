"""The oracle: the versions of each note over time, and the responses that they allow.

Time is counted in effects: each write to the store and each command to Redis is one tick. An
acknowledged change sets the *floor* of its note: the tick at which its handler wrote the note, or
began if the note was written before. For a request that begins with these floors and ends at tick
`e`, a note may have any version that it had from its floor to `e`: every change acknowledged before
the request is included, and any of the others may be.

A response is correct if the uncached pipeline gives it, to the byte, for *some* choice of one such
version of each note. The store need never have held that choice as a whole: two changes that are
not acknowledged yet may appear in either order. If the response was searched for (it came from
neither L1 nor L3), the floors are the tick at which the request began.

The choices need not be enumerated. A full response, whose last source has rank r, is the top k of
all chosen versions if and only if, for each note, the chunks of the version with rank r or better
are exactly those in the response. (`least_rank` is infinite if the response is not full: then it
must contain every chunk.) So each note can be checked alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.notes.note import Chunk, Source

Version = tuple[Chunk, ...]
Rank = tuple[float, str]


class StaleError(AssertionError):
    """A response that no admissible version of the notes explains, or another broken guarantee."""


def rank(source: Source) -> Rank:
    """Return the sort key of the store: best first, ties by chunk id."""
    return (-source.similarity, source.chunk_id)


@dataclass
class History:
    """The events of one world."""

    now: int = 0
    violation: str = ""
    """A violation that was found inside the cache, which fails no question."""
    written: dict[object, int] = field(default_factory=dict)
    """When each task last wrote to the store."""
    refused: dict[tuple[str, frozenset[str]], int] = field(default_factory=dict)
    """When each match, of a user and two questions, was refused."""
    deleted: set[str] = field(default_factory=set)
    """Users whose deletion was requested. It deletes their refusals too."""
    _versions: dict[str, dict[str, list[tuple[int, Version]]]] = field(default_factory=dict)
    _floors: dict[str, dict[str, int]] = field(default_factory=dict)

    def tick(self) -> int:
        self.now += 1
        return self.now

    def observe(self, user: str, notes: Mapping[str, Version], task: object = None) -> None:
        """Record the versions of a user's notes after a write by `task`."""
        self.written[task] = self.tick()
        known = self._versions.setdefault(user, {})
        for note_id in notes.keys() | known.keys():
            versions = known.setdefault(note_id, [(0, ())])
            chunks = notes.get(note_id, ())
            if chunks is not versions[-1][1]:
                versions.append((self.now, chunks))

    def acknowledge(self, user: str, note_id: str | None, since: int) -> None:
        """Record that a change of a note, or of all notes of a user, is acknowledged."""
        floors = self._floors.setdefault(user, {})
        for name in self._versions.get(user, {}) if note_id is None else [note_id]:
            floors[name] = max(since, floors.get(name, 0))

    def floors(self, user: str) -> dict[str, int]:
        """Return the floors by note."""
        return dict(self._floors.get(user, {}))

    def notes(self, user: str) -> list[str]:
        """Return the ids of all notes that a user ever had."""
        return list(self._versions.get(user, {}))

    def admissible(
        self, user: str, floors: Mapping[str, int], tags: Sequence[str] = ()
    ) -> dict[str, list[Version]]:
        """Return the versions of each note from its floor until now.

        A version that a question with these tags does not search has no chunks.
        """
        return {
            note_id: [
                tuple(chunk for chunk in version if not tags or {*tags} & {*chunk.tags})
                for version in _from(versions, floors.get(note_id, 0))
            ]
            for note_id, versions in self._versions.get(user, {}).items()
        }


def _from(versions: Sequence[tuple[int, Version]], floor: int) -> list[Version]:
    first = max(place for place, (tick, _) in enumerate(versions) if tick <= floor or not place)
    return [chunks for _, chunks in versions[first:]]


def explain(
    sources: Sequence[Source],
    admissible: Mapping[str, Iterable[Version]],
    to_source: Callable[[Chunk], Source],
    k: int,
) -> str | None:
    """Return why no choice of versions gives these sources, or None if one does.

    `to_source` converts a chunk to a search result.
    """
    if list(sources) != sorted(sources, key=rank) or len(sources) > k:
        return "the sources do not have the order and number of a search"
    if unknown := {source.note_id for source in sources} - admissible.keys():
        return f"{unknown} are not among the user's notes"
    least_rank = rank(sources[-1]) if len(sources) == k else (float("inf"), "")
    for note_id, versions in admissible.items():
        shown = [source for source in sources if source.note_id == note_id]
        if not any(_within(version, to_source, least_rank) == shown for version in versions):
            return (
                f"{note_id} shows {[source.content for source in shown]}, which no version explains"
            )
    return None


def _within(
    version: Version, to_source: Callable[[Chunk], Source], least_rank: Rank
) -> list[Source]:
    sources = sorted(map(to_source, version), key=rank)
    return [source for source in sources if rank(source) <= least_rank]
