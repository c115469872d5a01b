"""The oracle: what each note said and when, and which responses that allows.

Time is counted in effects: each write to the store and each command to Redis is one tick. A
change of a note, once acknowledged, sets the note's *floor*: the tick at which that handler wrote
the note, or began, where the note's owner had written it before. For an ask that begins with
these floors and ends at tick `e`, a note may have said whatever it said at some tick from its
floor to `e`: every change acknowledged before the ask is in it, and of the others any.

A response is right if the uncached pipeline, given *some* choice of one such version of each
note, gives it, to the byte. No choice need ever have stood in the store as a whole: of two changes
that nobody has acknowledged yet, either may show first. Where the response was searched for (it
came from neither L1 nor L3) the floors are the tick at which the ask began.

Choices need not be tried one by one: a full response, whose last source ranks r, is the top k of
the union of all chosen versions if and only if in each note's version just the chunks that rank r
or better are those that the response shows. (`least_rank` is infinite where it is not full: then
it must show every chunk there is.) So each note is looked at alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.notes.note import Chunk, Source

Version = tuple[Chunk, ...]
Rank = tuple[float, str]


class StaleError(AssertionError):
    """A response that no admissible state of the notes explains, or a promise broken likewise."""


def rank(source: Source) -> Rank:
    """Order search results as the store does: best first, ties by chunk id."""
    return (-source.similarity, source.chunk_id)


@dataclass
class History:
    """What has happened in one world."""

    now: int = 0
    written: dict[object, int] = field(default_factory=dict)
    """When each task last wrote to the store."""
    _versions: dict[str, dict[str, list[tuple[int, Version]]]] = field(default_factory=dict)
    _floors: dict[str, dict[str, int]] = field(default_factory=dict)

    def tick(self) -> int:
        self.now += 1
        return self.now

    def observe(self, user: str, notes: Mapping[str, Version], task: object = None) -> None:
        """Take down what a user's notes say, just after a write by `task`."""
        self.written[task] = self.tick()
        known = self._versions.setdefault(user, {})
        for note_id in notes.keys() | known.keys():
            versions = known.setdefault(note_id, [(0, ())])
            chunks = notes.get(note_id, ())
            if chunks is not versions[-1][1]:
                versions.append((self.now, chunks))

    def acknowledge(self, user: str, note_id: str | None, since: int) -> None:
        """Take down that a change of a note, or of all of a user's, is done."""
        floors = self._floors.setdefault(user, {})
        for name in self._versions.get(user, {}) if note_id is None else [note_id]:
            floors[name] = max(since, floors.get(name, 0))

    def floors(self, user: str) -> dict[str, int]:
        """What is acknowledged at this moment, by note."""
        return dict(self._floors.get(user, {}))

    def notes(self, user: str) -> list[str]:
        """Every note that a user ever had."""
        return list(self._versions.get(user, {}))

    def admissible(self, user: str, floors: Mapping[str, int]) -> dict[str, list[Version]]:
        """What each note may have said, from its floor to this moment."""
        return {
            note_id: _from(versions, floors.get(note_id, 0))
            for note_id, versions in self._versions.get(user, {}).items()
        }


def _from(versions: Sequence[tuple[int, Version]], floor: int) -> list[Version]:
    first = max(place for place, (tick, _) in enumerate(versions) if tick <= floor or not place)
    return [chunks for _, chunks in versions[first:]]


def explain(
    sources: Sequence[Source],
    admissible: Mapping[str, Iterable[Version]],
    found: Callable[[Chunk], Source],
    k: int,
) -> str | None:
    """Say why no choice of versions gives these sources; None where one does.

    `found` is what a search makes of a chunk.
    """
    if list(sources) != sorted(sources, key=rank) or len(sources) > k:
        return "the sources are not in a search's order and number"
    if strangers := {source.note_id for source in sources} - admissible.keys():
        return f"{strangers} are not among the user's notes"
    least_rank = rank(sources[-1]) if len(sources) == k else (float("inf"), "")
    for note_id, versions in admissible.items():
        shown = [source for source in sources if source.note_id == note_id]
        if not any(_within(version, found, least_rank) == shown for version in versions):
            return f"{note_id} shows {[source.content for source in shown]}, which nothing explains"
    return None


def _within(version: Version, found: Callable[[Chunk], Source], least_rank: Rank) -> list[Source]:
    sources = sorted(map(found, version), key=rank)
    return [source for source in sources if rank(source) <= least_rank]
