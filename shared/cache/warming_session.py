"""The cache session of a question that is asked again in the background."""

from functools import partial
from typing import TYPE_CHECKING, Any

from shared.cache.counters import RequestCounters
from shared.cache.fail_open import fail_open
from shared.cache.results import LookupResult
from shared.cache.session import CacheSession

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.answer import Answer
    from shared.cache.index_entries import Entry
    from shared.notes.note import Source
    from shared.vectors import Vector


class WarmingCounters(RequestCounters):
    """Counts only costs: the question is no request, and its lookups are no hits or misses."""

    def add(self, **increments: int) -> None:
        """Count what was spent, also as the cost of warming."""
        spent = increments.get("spent_nanodollars", 0)
        super().add(spent_nanodollars=spent, warming_nanodollars=spent)


def _mark(new_entry: "Callable[..., Entry]", *args: Any, **kwargs: Any) -> "Entry":
    return new_entry(*args, **kwargs)._replace(is_unused=True)


class WarmingSession(CacheSession):
    """Looks up and stores as a request does, but only while `fence` is the user's, if it is given.

    It marks the answer that it stores, and its lookups are not counted.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Create it with the arguments of `CacheSession`."""
        super().__init__(*args, **kwargs)
        self.counters = WarmingCounters(self._redis, kwargs.get("pending_counters"))
        self._new_entry = partial(_mark, self._new_entry)

    @property
    def is_outdated(self) -> bool:
        """Whether the fence that the last lookup read is not the one that was given."""
        return self._scripts.store_fence != self._lock.fence

    @fail_open(LookupResult)
    async def lookup(self, *, only_fence: bool = False) -> LookupResult:
        """Look the answer up. With `only_fence`, create a fence if the user has none."""
        replies = await self._execute(self._lookup("fence" if only_fence else "warm"))
        return await self._parse_lookup(replies[0]) if replies else LookupResult()

    async def store(
        self, vector: "Vector", sources: "Sequence[Source]", answer: "Answer | None"
    ) -> int:
        """Store as a request does, but no empty context: the user may have been deleted."""
        return await super().store(vector, sources, answer) if sources else 0

    async def store_alias(
        self,
        vector: "Vector",
        sources: "Sequence[Source]",
        target: "tuple[str, Entry]",
        similarity: float,
    ) -> int:
        """Store nothing: the next request finds the match itself, without a generation."""
        del vector, sources, similarity
        return target[1].expires
