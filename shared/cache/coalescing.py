"""In-process coalescing: equal requests that arrive at the same moment share one result.

A request may share the result of a lookup that begins after its arrival: that lookup sees every
note change that was acknowledged before the request. It must not share a lookup in progress.
So the requests that arrive during a lookup form a group. The first of them, the leader, waits until
that lookup ends, but at most 20 ms. Then it performs one lookup for all, its followers.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from shared.deadline import remaining_seconds
from shared.observability.timings import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")

_GRACE_SECONDS = 0.25  # a leader that times out at the deadline still publishes its error


class Membership(Generic[T]):
    """One request's part in a group.

    A follower has the leader's `result`. A leader has None: it uses the membership as a context
    manager, calls `finish_lookup` after its lookup and `publish` with its result.
    """

    def __init__(
        self,
        result: T | None = None,
        *,
        finish_lookup: "Callable[[], None]" = lambda: None,
        followers: "asyncio.Future[T | None] | None" = None,
        waited: float = 0.0,
    ) -> None:
        """`waited`: seconds that a leader waited for the end of the lookup before its own."""
        self.result = result
        self.finish_lookup = finish_lookup
        self.waited = waited
        self._followers = followers

    def publish(self, result: T) -> None:
        """Pass the leader's result to its followers."""
        if self._followers:
            self._followers.set_result(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """If nothing was published (the leader was cancelled), one of the followers leads."""
        self.finish_lookup()
        if self._followers and not self._followers.done():
            self._followers.set_result(None)


class Coalescer(Generic[T]):
    """Groups equal requests. `T` is the type of their results."""

    def __init__(self, *, gather_seconds: float = 0.02) -> None:
        """`gather_seconds`: longest time that a leader waits for the lookup before its own."""
        self._gather_seconds = gather_seconds
        self._lookups: dict[Hashable, asyncio.Event] = {}
        self._groups: dict[Hashable, asyncio.Future[T | None]] = {}

    async def join(self, key: "Hashable") -> Membership[T]:
        """Join the group of requests with this key, as its leader or as a follower.

        Raises:
            TimeoutError: the leader published nothing by the deadline of this request.
        """
        loop = asyncio.get_running_loop()
        while (group := self._groups.get(key)) is not None:
            with timed("wait"):
                await asyncio.wait({group}, timeout=remaining_seconds() + _GRACE_SECONDS)
            if not group.done():
                raise TimeoutError
            if (result := group.result()) is not None:
                return Membership(result)
        waited = 0.0
        if (lookup := self._lookups.get(key)) is not None:
            group, began = loop.create_future(), loop.time()
            self._groups[key] = group
            try:
                with timed("wait"), suppress(TimeoutError):
                    async with asyncio.timeout(self._gather_seconds):
                        await lookup.wait()
            except BaseException:
                group.set_result(None)
                raise
            finally:
                del self._groups[key]  # a later request arrives after this group's lookup began
            # A longer wait is the event loop's lag, and no sign of a slow Redis.
            waited = min(loop.time() - began, self._gather_seconds)
        lookup = self._lookups[key] = asyncio.Event()
        return Membership(
            finish_lookup=partial(self._finish, key, lookup), followers=group, waited=waited
        )

    def _finish(self, key: "Hashable", lookup: asyncio.Event) -> None:
        lookup.set()
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
