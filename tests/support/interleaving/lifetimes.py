"""The oracle of TTLs: how long each answer may be served, and must be."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from shared.answer import Answer
from shared.question import Request
from shared.reply import Reply
from shared.settings import Settings
from tests.support.interleaving.history import StaleError


class Begun(NamedTuple):
    """When a request began (s since 1970), and how many of its user's had ended by then."""

    time: float
    ended: int


@dataclass
class _Answer:
    """`stored_by` is when its request ended. `ended` counts the requests before that one.

    `hits` are the replies that served the answer again.
    """

    created: float
    stored_by: float
    ended: int
    hits: int = 0


class _Served(NamedTuple):
    """The answer that a question got last, and when it expires (s since 1970)."""

    answer_id: str
    expires: int


class Lifetimes:
    """Checks every reply from the cache.

    An answer with n hits lives 2^n times `CACHE_QUERY_TTL`, at most `CACHE_QUERY_TTL_MAX` and until
    its day ends. The hits are at most the requests that ran since the answer was generated. With
    warming, an answer that takes the place of a dropped one also has its hits: together at most the
    user's requests that stored no answer.
    """

    def __init__(self, settings: Settings, *, steady: bool, warming: bool) -> None:
        """`steady`: one request at a time and no change, so that the hits are known exactly.

        `warming`: whether dropped questions are asked again in the background.
        """
        self._ttl = settings.answer_ttl
        self._longest = max(settings.answer_ttl, settings.answer_ttl_max)
        self._steady = steady
        self._warming = warming
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._stored: Counter[str] = Counter()
        self._answers: dict[str, _Answer] = {}
        self._served: dict[tuple[str, str], _Served] = {}

    @contextmanager
    def request(self, user: str) -> Iterator[Begun]:
        """Count a request of a user."""
        begun = Begun(time.time(), self._ended[user])
        self._begun[user] += 1
        try:
            yield begun
        finally:
            self._ended[user] += 1

    def add_warmed(self, user: str, answer: Answer) -> None:
        """Record that the warmer has stored an answer."""
        created = answer.created // 1000
        self._answers[answer.answer_id] = _Answer(created, time.time(), self._ended[user])

    def check(self, request: Request, reply: Reply, begun: Begun) -> None:
        """Check the TTL of a reply, and that it was not served or generated out of time."""
        if reply.answer is None or reply.expires is None or reply.stale:
            return
        now, answer_id = time.time(), reply.answer.answer_id
        if reply.stored:
            created = reply.answer.created // 1000
            self._stored[request.user_id] += 1
            self._answers[answer_id] = _Answer(created, now, begun.ended)
            self._forget_former(request)
        self._served[request.user_id, request.query] = _Served(answer_id, reply.expires)
        if (answer := self._answers.get(answer_id)) is None:
            return  # of a request that has not ended
        answer.hits += reply.tier == "l1"
        day_ends = reply.question.day.ends if reply.question.day else self._longest + int(now)
        hits = self._begun[request.user_id] - answer.ended - 1
        if self._warming:
            hits = self._begun[request.user_id] - self._stored[request.user_id]
        latest = min(int(answer.stored_by) + self._lifetime(hits), day_ends)
        if reply.expires > latest:
            raise StaleError(f"{request} got {reply}, which expires after {latest}")
        is_older = answer.stored_by <= begun.time
        if is_older and begun.time >= int(answer.stored_by) + self._lifetime(hits - 1):
            raise StaleError(f"{request} got {reply} at {begun.time}, which had expired")
        earliest = min(int(answer.created) + self._lifetime(answer.hits), day_ends)
        if self._steady and reply.expires < earliest:
            raise StaleError(f"{request} got {reply}, which expires before {earliest}")

    def check_repetition(self, request: Request, reply: Reply) -> None:
        """Check that no answer is generated again while it is cached."""
        served = self._served.get((request.user_id, request.query))
        is_cached = served is not None and time.time() < served.expires
        bypasses = request.no_cache or request.no_store or request.exact
        if self._steady and is_cached and not bypasses and reply.stored:
            raise StaleError(f"{request} was generated again while {served} was cached")

    def _forget_former(self, request: Request) -> None:
        """A question has a new answer: the former one ends, also for questions that matched it."""
        if former := self._served.get((request.user_id, request.query)):
            self._served = {
                question: served
                for question, served in self._served.items()
                if served.answer_id != former.answer_id
            }

    def _lifetime(self, hits: int) -> int:
        return min(self._longest, self._ttl << min(max(hits, 0), 30))
