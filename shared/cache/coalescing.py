"""In-process coalescing: equal requests that arrive at the same moment share one result.

A request may share the result of a lookup that begins after its arrival: that lookup sees every
note change that was acknowledged before the request. It must not share a lookup in progress.
So the requests that arrive during a lookup form a group. The first of them, the leader, waits until
that lookup ends, but at most 20 ms. Then it performs one lookup for all, its followers.
"""

import asyncio
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from shared.answer_stream import AnswerStream
from shared.deadline import remaining_seconds
from shared.observability.timings import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

T = TypeVar("T")

_GRACE_SECONDS = 0.25  # a leader that times out at the deadline still publishes its error


class Membership(Generic[T]):
    """One request's part in a group.

    A follower has the leader's `result`. A leader has None: it uses the membership as a context
    manager, calls `finish_lookup` after its lookup and publishes its result to its stream.
    """

    def __init__(
        self,
        stream: AnswerStream[T],
        result: T | None = None,
        *,
        finish_lookup: "Callable[[], None]" = lambda: None,
        waited: float = 0.0,
    ) -> None:
        """`waited`: seconds that a leader waited for the end of the lookup before its own."""
        self.result = result
        self.finish_lookup = finish_lookup
        self.waited = waited
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """If nothing was published (the leader was cancelled), one of the followers leads."""
        self.finish_lookup()
        self._stream.publish(None)


class Coalescer(Generic[T]):
    """Groups equal requests. `T` is the type of their results."""

    def __init__(self, *, gather_seconds: float = 0.02) -> None:
        """`gather_seconds`: longest time that a leader waits for the lookup before its own."""
        self._gather_seconds = gather_seconds
        self._lookups: dict[Hashable, asyncio.Event] = {}
        self._groups: dict[Hashable, AnswerStream[T]] = {}
        """The streams of the leaders whose groups others may still join."""
        self._holders: dict[Hashable, AnswerStream[T]] = {}
        """The streams of the requests that hold a single-flight lock."""

    async def join(self, key: "Hashable", stream: AnswerStream[T]) -> Membership[T]:
        """Join the group of requests with this key, as its leader or as a follower.

        `stream` is the request's own. A follower's gets the text of the leader.

        Raises:
            TimeoutError: the leader published nothing by the deadline of this request.
        """
        loop = asyncio.get_running_loop()
        while (leader := self._groups.get(key)) is not None:
            with timed("wait"):
                result = await leader.share_with(stream, remaining_seconds() + _GRACE_SECONDS)
            if result is not None:
                return Membership(stream, result)
        waited = 0.0
        if (lookup := self._lookups.get(key)) is not None:
            began = loop.time()
            self._groups[key] = stream
            try:
                with timed("wait"), suppress(TimeoutError):
                    async with asyncio.timeout(self._gather_seconds):
                        await lookup.wait()
            except BaseException:
                stream.publish(None)
                raise
            finally:
                del self._groups[key]  # a later request arrives after this group's lookup began
            # A longer wait is the event loop's lag, and no sign of a slow Redis.
            waited = min(loop.time() - began, self._gather_seconds)
        lookup = self._lookups[key] = asyncio.Event()
        return Membership(stream, finish_lookup=partial(self._finish, key, lookup), waited=waited)

    @contextmanager
    def holding(self, holder: "Hashable", stream: AnswerStream[T]) -> "Iterator[None]":
        """Let requests that find the single-flight lock held follow its holder. None is no lock.

        The lock's key contains the fence, so each of them has read the fence that its holder has
        read: no note change was acknowledged between the two lookups.
        """
        if holder is not None:
            self._holders[holder] = stream
        try:
            yield
        finally:
            self._holders.pop(holder, None)

    def has_holder(self, holder: "Hashable") -> bool:
        """Return whether a request of this process holds the lock."""
        return holder in self._holders

    async def follow_holder(self, holder: "Hashable", stream: AnswerStream[T]) -> T | None:
        """Follow the holder of a lock; `stream` gets its text. None if it was cancelled.

        Raises:
            TimeoutError: it published nothing by the deadline of this request.
        """
        seconds = remaining_seconds() + _GRACE_SECONDS
        return await self._holders[holder].share_with(stream, seconds)

    def _finish(self, key: "Hashable", lookup: asyncio.Event) -> None:
        lookup.set()
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
