"""The text of an answer while it is generated, and who reads it."""

import asyncio
from math import isinf
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.notes.note import Source

T = TypeVar("T")


class AnswerStart(NamedTuple):
    """What is known when the text begins; all but `sources` as in `Reply`."""

    tier: str | None
    match: str | None
    sources: "Sequence[Source]"
    cache: str
    ttl: int | None = None

    def for_follower(self) -> "AnswerStart":
        """Return it for a request that shares the answer."""
        return AnswerStart("l1", "exact", self.sources, self.cache)


if TYPE_CHECKING:
    OnAnswerText: TypeAlias = Callable[[AnswerStart, str], None]


class AnswerStream(Generic[T]):
    """One request's view of its answer: the text in parts, then the result `T`.

    A request that leads writes the parts and publishes the result. A request that follows gets the
    parts that were written before, and each later one when it is written. No reader delays another
    or the writer: the parts are passed on without waiting.
    """

    def __init__(self, on_text: "OnAnswerText | None" = None) -> None:
        """`on_text` gets the parts. Without it only the result is of interest."""
        self.abandon: Callable[[], object] = lambda: None
        """Called when the request's client has disconnected and no other request follows."""
        self._on_text = on_text
        self._is_read = True
        self._is_abandoned = False
        self._followers: list[AnswerStream[T]] = []
        self._parts: list[tuple[AnswerStart, str]] = []
        self._has_ended = False
        self._result: T | None = None
        self._end: asyncio.Future[None] | None = None

    @property
    def wants_text(self) -> bool:
        """Whether this request reads the parts, or one that follows it."""
        return self._on_text is not None or any(each.wants_text for each in self._followers)

    def write(self, start: AnswerStart, text: str) -> None:
        """Pass a part of the text on."""
        self._parts.append((start, text))
        if self._on_text:
            self._on_text(start, text)
        for follower in self._followers:
            follower.write(start.for_follower(), text)

    def publish(self, result: T | None) -> None:
        """End with a result, or with None if a follower must lead. Only the first call counts."""
        if self._has_ended:
            return
        self._has_ended, self._result = True, result
        if self._end:
            self._end.set_result(None)

    def leave(self) -> None:
        """The request's client has disconnected: abandon the answer unless others follow."""
        self._is_read, self._on_text = False, None
        self._abandon_if_unread()

    async def share_with(self, follower: "AnswerStream[T]", seconds: float) -> T | None:
        """Pass the parts on to a request that follows, and return the result to it.

        Raises:
            TimeoutError: no result was published within `seconds`.
        """
        if not self._is_abandoned:  # otherwise the follower will write a text of its own
            for start, text in self._parts:
                follower.write(start.for_follower(), text)
            self._followers.append(follower)
        try:
            if not self._has_ended:
                self._end = self._end or asyncio.get_running_loop().create_future()
                await asyncio.wait({self._end}, timeout=None if isinf(seconds) else seconds)
        finally:
            if follower in self._followers:
                self._followers.remove(follower)
            self._abandon_if_unread()
        if not self._has_ended:
            raise TimeoutError
        return self._result

    def _abandon_if_unread(self) -> None:
        is_wanted = self._is_read or self._followers or self._has_ended
        if not (is_wanted or self._is_abandoned):
            self._is_abandoned = True
            self.abandon()
