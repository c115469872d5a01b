"""One request's use of the cache: what of the three tiers travels together in a round trip.

lookup   the answer (L1), its context (L3), the index's word for both, the fence
survey    the embedding (L2), the user's index, a try for the flight
peek      the answer and context of another question of this user
share     an alias to that answer; the flight ends
keep      answer, context, index entry and embedding; the flight ends
"""

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from shared.cache import (
    counters,
    index_entries,
    keyspace,
    l1_answers,
    l2_embeddings,
    l3_contexts,
    single_flight,
)
from shared.cache.counters import RequestCounters
from shared.cache.parse_replies import pairs, parse_answer, parse_lookup
from shared.cache.redis.budgeted_client import BudgetedClient
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command
from shared.cache.results import LookupResult, MissContext
from shared.cache.scripts import Scripts
from shared.deadline import remaining

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from shared.answer import Answer
    from shared.cache.index_entries import Entry
    from shared.cache.pipeline_id import Pipeline
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector


class RoundTripExtension(Protocol):
    """Commands of another component that travel with a session's round trips."""

    def commands(self) -> "Sequence[Command]":
        """Return the commands to append to a round trip of a miss."""

    def receive(self, replies: "Sequence[Any]") -> None:
        """Process the replies to `commands`. It is not called if Redis fails."""


class CacheSession:
    """One request's use of the cache.

    It never raises for the cache's sake: once Redis has failed it, it says so (`status`), finds
    nothing more and keeps nothing.
    """

    def __init__(
        self,
        redis_client: RedisClient | None,
        settings: "Settings",
        *,
        user_id: str,
        question: str,
        pipeline: "Pipeline",
        pending_counters: counters.PendingCounters | None = None,
        extension: RoundTripExtension | None = None,
    ) -> None:
        """Without a connection it is a session to no cache at all.

        `pending_counters`: counters of earlier requests, to be added with this one's;
        `extension`: another component's commands, sent with this session's own.
        """
        self._settings = settings
        self._pipeline = pipeline
        self._question = question
        self._keys = keyspace.UserKeys.of(user_id)
        self._extension = extension
        self._redis = BudgetedClient(redis_client, settings.redis_timeout)
        self._field = keyspace.question_field(question, pipeline.name)
        self._entry = partial(index_entries.entry, question, pipeline=pipeline, settings=settings)
        self._scripts = Scripts(self._keys, self._field, settings)
        self._shelf = l2_embeddings.Shelf.of(settings, pipeline.embedding_model, self._keys)
        self._counts = RequestCounters(self._redis, pending_counters)
        self._token = secrets.token_urlsafe(8)
        self._owner: bytes | None = None
        self._fence = ""
        self._knows_vector = self._knows_context = self._looked_up = False
        self._miss_context_loaded = self._lock_held = self._vector_kept = False

    @property
    def status(self) -> str:
        """How the cache fares with this request: see `BudgetedClient`."""
        return self._redis.status

    async def lookup(self, *, only_fence: bool = False, aliases: bool = True) -> LookupResult:
        """Round trip 1. `only_fence` is for whoever wants a new answer, whatever there is."""
        field = "" if only_fence else self._field
        self._counts.start(no_cache=only_fence)
        purpose = "wait" if only_fence else "ask"
        replies = await self._execute(self._lookup(purpose, field, aliases=aliases))
        self._looked_up = bool(replies)
        found = await self._read(replies[0]) if replies else LookupResult()
        if replies and not (found.answer or only_fence):
            known = found.sources is not None
            self._counts.add(l3_hits=int(known), l3_misses=int(not known))
        return found

    async def get_stale(self, *, aliases: bool = True) -> LookupResult:
        """Read the answer though its time may be up. What a note change dropped is not there."""
        if not self._settings.stale_if_error_seconds:
            return LookupResult()
        replies = await self._execute(self._lookup("stale", self._field, aliases=aliases))
        if not replies:
            return LookupResult()
        return parse_lookup(replies[0], self._question, self._field)[0]

    async def load_miss_context(self) -> MissContext:
        """Round trip 2."""
        replies = await self._execute(
            self._shelf.read(self._question),
            single_flight.acquire(self._lock_key, self._token),
            Command.of("HGETALL", self._keys.questions),
            miss=True,
        )
        if not replies:
            return MissContext()
        from shared.vectors import from_bytes  # noqa: PLC0415  # an exact hit needs no numpy

        data = l2_embeddings.decode(self._question, self._pipeline.dimensions, replies[0])
        self._knows_vector, self._owner = data is not None, replies[1]
        self._lock_held = self._owner == self._token.encode()
        if not self._miss_context_loaded:
            self._counts.add(l2_hits=int(data is not None), l2_misses=int(data is None))
        self._miss_context_loaded = True
        candidates = index_entries.answered(pairs(replies[2]), self._field, self._pipeline.name)
        return MissContext(from_bytes(data) if data else None, candidates, self._lock_held)

    async def wait_for_leader(
        self, *, aliases: bool = True, give_up: "Callable[[], bool]" = lambda: False
    ) -> LookupResult:
        """Wait while another request generates this answer. Return what it stored, if anything.

        Redis is polled, one round trip each time, at growing intervals, until the deadline or
        until `give_up()` is true.
        """
        pauses = single_flight.pauses()
        while self.status == "ok" and remaining() > 0 and not give_up():
            await asyncio.sleep(next(pauses))
            self._redis.reset_budget()  # waiting saves more than it takes
            # In this order: an owner that is gone by now has kept its answer before.
            replies = await self._execute(
                single_flight.owner(self._lock_key),
                single_flight.failure(self._keys, self._owner),
                self._lookup("wait", self._field, aliases=aliases),
            )
            if not replies:
                break
            self._owner, failure, looked_up = replies
            found = await self._read(looked_up)
            if error := None if found.is_final else single_flight.error(failure):
                return replace(found, leader_error=error)
            if found.is_final or not self._owner:
                return found
        return LookupResult()

    @asynccontextmanager
    async def hold_lock(self) -> "AsyncIterator[None]":
        """Generate an answer; however that ends, nobody is left waiting for it."""
        if not self._lock_held or self._redis.redis_client is None:
            yield
            return
        lock = single_flight.Lock(self._keys, self._lock_key, self._token)
        try:
            async with lock.renewed(self._redis.redis_client):
                yield
        finally:
            if self._lock_held:
                key = counters.todays_key(self._keys.partition)
                release = lock.release(key, counters.TTL, *self._counts.take())
                await self._execute(release, miss=True)

    async def get_answer(self, field: str, entry: "Entry") -> LookupResult:
        """Read the answer of another question of this user, as the survey found it."""
        replies = await self._execute(self._scripts.get_answer(field, entry))
        if not replies:
            return LookupResult()
        return parse_answer(entry.answer_id, *replies[0])

    async def store_alias(
        self,
        vector: "Vector",
        sources: "Sequence[Source]",
        target: "tuple[str, Entry]",
        similarity: float,
    ) -> str | None:
        """Answer with another question's answer, and remember it, while that answer counts.

        `vector` and `sources` are this question's own; `target` is the other's field and entry.
        Returns what names the match, or None if the other's answer counts no more. What is
        remembered is subject to the fence, too.
        """
        own = self._entry(vector, sources)
        field, entry = target
        alias = index_entries.alias(own, field, entry, similarity)
        call = self._scripts.store_alias(alias, **self._right, counts=self._counts.take())
        replies = await self._execute(call, *self._beside(own))
        shared = bool(replies and replies[0])
        self._lock_held = self._lock_held and not shared
        return self._field if shared else None

    async def store(
        self, vector: "Vector", sources: "Sequence[Source]", answer: "Answer | None"
    ) -> bool:
        """Store an answer with its sources, or the sources alone, unless the notes changed.

        Returns whether it was stored. Sources that come from there stay as they are: else they
        would stay fresh for as long as generating fails.
        """
        if answer:
            self._counts.add(spent_nanodollars=index_entries.nanodollars(answer.cost))
            self._counts.add(**{f"outcome_{self._tier}": int(self._looked_up)})
        if self.status != "ok" or (answer is None and self._knows_context):
            return False
        entry = self._entry(vector, sources, answer)
        call = self._scripts.store(
            entry,
            l1_answers.encode(answer) if answer else b"",
            l3_contexts.encode(entry.answer_id, sources),
            **self._right,
            counts=self._counts.take(),
        )
        replies = await self._execute(call, *self._beside(entry), miss=True)
        # Without an answer the flight goes on to its end, which tells those who wait why.
        self._lock_held = self._lock_held and answer is None
        return bool(replies and replies[0])

    def count(self, **events: int) -> None:
        """Count events with the next round trip that counts."""
        self._counts.add(**events)

    def deduct(self, seconds: float) -> None:
        """Take what the request has waited already off what it may wait for Redis."""
        self._redis.deduct(seconds)

    def count_follower(self, other: "CacheSession | None", outcome: str, cost: float = 0.0) -> None:
        """Ask nothing: another session asked the same question; its result is shared.

        It is given this outcome, and `cost` US dollars once. None: nothing was told in time.
        """
        if other:
            self._redis.status = other.status
        # Another of its own kind.
        self._counts.count_follower(other._counts if other else None, outcome, cost)  # noqa: SLF001

    def record_outcome(self, outcome: str) -> None:
        """Say how the request was served: see `OUTCOMES`."""
        self._counts.record_outcome(outcome)

    @property
    def _tier(self) -> str:
        """The deepest tier that saved the answer that is generated now something."""
        return "l3" if self._knows_context else "l2" if self._knows_vector else "none"

    @property
    def _lock_key(self) -> str:
        return self._keys.lock(self._field, self._fence)

    @property
    def _right(self) -> dict[str, str]:
        """What a request must show to store anything."""
        return {"lock": self._lock_key, "token": self._token, "fence": self._fence}

    def _lookup(self, purpose: str, field: str, *, aliases: bool) -> Command:
        counts = self._counts.take()
        return self._scripts.lookup(purpose, field, aliases=aliases, counts=counts)

    def _beside(self, entry: "Entry") -> list[Command]:
        """Go with an entry: keep its embedding, unless that came from there, and the bound."""
        commands = [self._scripts.trim_index()]
        if not (self._knows_vector or self._vector_kept):
            self._vector_kept = True
            commands.append(self._shelf.write(self._question, entry.vector, self._fence))
        return commands

    async def _read(self, reply: list[Any]) -> LookupResult:
        """Make sense of what the look-up script gave, and remove what makes none."""
        self._counts.lookup_counted, self._fence = (
            True,
            (reply[0] or b"").decode("ascii", "replace"),
        )
        found, nonsense = parse_lookup(reply, self._question, self._field)
        self._knows_context = found.sources is not None
        if nonsense:
            await self._execute(
                *(Command.of("HDEL", key, *nonsense) for key in self._scripts.names[:3])
            )
        return found

    async def _execute(self, *commands: Command, miss: bool = False) -> list[Any]:
        extension = self._extension if miss and self.status == "ok" else None
        extra = extension.commands() if extension else ()
        replies = await self._redis.execute(*commands, *extra)
        if not replies:
            self._counts.restore()
            return []
        self._counts.confirm()
        if extension:
            extension.receive(replies[len(commands) :])
        return replies[: len(commands)]
