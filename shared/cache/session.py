"""One request's access to the three cache tiers, in few round trips."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.cache import (
    counters,
    index_entries,
    keyspace,
    l1_answers,
    l2_embeddings,
    l3_contexts,
    matchable_entries,
    single_flight,
)
from shared.cache.fail_open import fail_open
from shared.cache.parse_replies import hash_items, parse_answer, parse_lookup
from shared.cache.redis.budgeted_client import BudgetedClient
from shared.cache.redis.commands import Command, RoundTripExtension
from shared.cache.results import LookupResult, MissContext
from shared.cache.scripts import QuestionScripts
from shared.deadline import remaining_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from shared.answer import Answer
    from shared.cache.index_entries import Entry
    from shared.cache.pipeline_id import PipelineId
    from shared.cache.redis.client import RedisClient
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector


class CacheSession:
    """One request's access to the cache. It never raises an exception.

    After the first failure of Redis, `status` is `unavailable`, lookups find nothing and stores do
    nothing. `counters` count what the request does. `field` is the question's in the user's index.
    """

    def __init__(
        self,
        redis_client: "RedisClient | None",
        settings: "Settings",
        *,
        user_id: str,
        question: str,
        wording: str = "",
        pipeline: "PipelineId",
        exact: bool = False,
        fence: str = "",
        pending_counters: counters.PendingCounters | None = None,
        extension: RoundTripExtension | None = None,
    ) -> None:
        """Create a session for one question. No command is sent yet.

        `question` is the identity. `wording` is stored in the index; "" stands for the identity.
        `exact` ignores aliases. With a `fence` the request stores only while it is the user's.
        Without `redis_client` the cache is not used. `pending_counters` are those of earlier
        requests. `extension` adds another component's commands.
        """
        self._settings = settings
        self._pipeline = pipeline
        self._question = question
        self._aliases = not exact
        self._keys = keyspace.UserKeys.of(user_id)
        self.field = keyspace.question_field(question, pipeline.name, pipeline.tags)
        self._redis = BudgetedClient(redis_client, settings.redis_timeout)
        self._extension = extension
        self.counters = counters.RequestCounters(self._redis, pending_counters)
        self._lock = single_flight.SingleFlightLock(self._keys, self.field)
        self._scripts = QuestionScripts(self._keys, self.field, self._lock, settings, fence)
        self._embeddings = l2_embeddings.EmbeddingTier(settings, pipeline, self._keys)
        self._new_entry = partial(
            index_entries.new_entry, wording or question, pipeline=pipeline, settings=settings
        )
        self._found = LookupResult()  # of the last lookup
        self._embedding_cached: bool | None = None  # None: not read yet
        self._embedding_stored = False

    @property
    def status(self) -> str:
        """`ok`, `unavailable`, `failed` or `off`: see `BudgetedClient`."""
        return self._redis.status

    @fail_open(LookupResult)
    async def lookup(self, *, only_fence: bool = False) -> LookupResult:
        """Round trip 1: look the answer up, or only read the fence, to generate a new answer."""
        self.counters.start(no_cache=only_fence)
        found = LookupResult()
        purpose = "fence" if only_fence else "ask"
        if replies := await self._execute(self._lookup(purpose)):
            found = await self._parse_lookup(replies[0])
            if not (found.answer or only_fence):
                is_hit = self._found.sources is not None
                self.counters.add(l3_hits=int(is_hit), l3_misses=int(not is_hit))
        return found

    @fail_open(MissContext)
    async def load_miss_context(self) -> MissContext:
        """Round trip 2: load what a miss needs, and try to acquire the single-flight lock."""
        replies = await self._execute(
            self._embeddings.get(self._question),
            self._lock.acquire_command(aliases=self._aliases),
            Command.of("HGETALL", self._keys.questions),
            Command.of("HKEYS", self._keys.refusals),
            with_extension=True,
        )
        if not replies:
            return MissContext()
        from shared.vectors import from_bytes  # noqa: PLC0415  # an exact hit does not load numpy

        embedding = l2_embeddings.decode(self._question, self._pipeline.dimensions, replies[0])
        is_hit = embedding is not None
        if self._embedding_cached is None:
            self.counters.add(l2_hits=int(is_hit), l2_misses=int(not is_hit))
        self._embedding_cached = is_hit
        self._lock.set_holder(replies[1])
        entries = matchable_entries.select(hash_items(replies[2]), self.field, self._pipeline)
        vector = from_bytes(embedding) if embedding else None
        refusals = frozenset(pair.decode("ascii", "replace") for pair in replies[3])
        return MissContext(vector, entries, refusals, self._lock.held, self._lock.holder)

    @fail_open(LookupResult)
    async def wait_for_holder(
        self, *, give_up: "Callable[[], bool]" = lambda: False
    ) -> LookupResult:
        """Wait while another request generates this answer. Return what it stored, if anything.

        Redis is polled, one round trip each time, at growing intervals, until the deadline or
        until `give_up()` is true. Then the result is that of the last lookup.
        """
        intervals = single_flight.poll_intervals()
        while self.status == "ok" and remaining_seconds() > 0 and not give_up():
            if self._lock.has_holder:  # otherwise there is an answer
                await asyncio.sleep(next(intervals))
            self._redis.reset_budget()  # a generation takes longer than any round trip
            # The lock is read before the answer: a holder stores first and releases then.
            replies = await self._execute(*self._lock.poll_commands(), self._lookup("wait"))
            if not replies:
                break
            holder, error, lookup = replies
            is_held = self._lock.set_holder(holder)
            found = await self._parse_lookup(lookup)
            if not found.is_final and (holder_error := single_flight.decode_error(error)):
                return replace(found, holder_error=holder_error)
            if found.is_final or not is_held:
                return found
        return self._found

    @asynccontextmanager
    async def hold_lock(self) -> "AsyncIterator[None]":
        """Renew the lock, if it was acquired, while the body generates an answer.

        If the body stores no answer, the lock is released at its end, and requests that wait for
        it get the body's error.
        """
        if not self._lock.held or self._redis.redis_client is None:
            yield
            return
        try:
            async with self._lock.renewed(self._redis.redis_client):
                yield
        finally:
            if self._lock.held:
                await self._release_lock()

    @fail_open(lambda: None)
    async def _release_lock(self) -> None:
        keys, counts = self._scripts.counter_keys, self.counters.take()
        release = self._lock.release_command(keys, *counts)
        await self._execute(release, with_extension=True)

    @fail_open(LookupResult)
    async def get_answer(self, field: str, entry: "Entry") -> LookupResult:
        """Read the answer of one of the entries of `load_miss_context`."""
        replies = await self._execute(self._scripts.get_answer(field, entry))
        return parse_answer(entry.answer_id, replies[0]) if replies else LookupResult()

    @fail_open(int)
    async def store_alias(
        self,
        vector: "Vector",
        sources: "Sequence[Source]",
        target: "tuple[str, Entry]",
        similarity: float,
    ) -> int:
        """Store an alias, unless the fence changed or this question has an answer of its own.

        `vector` and `sources` are this question's own. `target` is the field and entry of the
        other question, `similarity` the cosine of both. Returns when the answer expires, in seconds
        since 1970, or 0 if the target's answer is no longer valid or the match is refused.
        """
        own = self._new_entry(vector, sources)
        alias = index_entries.new_alias(own, *target, similarity)
        pair = keyspace.refused_pair(self._question, target[1].question)
        call = self._scripts.store_alias(alias, pair, counts=self.counters.take())
        replies = await self._execute(call, *self._store_embedding(own))
        if not (replies and replies[0]):
            return 0
        self._lock.held = False
        return int(replies[0])

    @fail_open(int)
    async def store(
        self, vector: "Vector", sources: "Sequence[Source]", answer: "Answer | None"
    ) -> int:
        """Store an answer with its sources, or the sources alone, unless the fence changed.

        Returns when they expire, in seconds since 1970, or 0 if they were not stored. An incomplete
        answer is only counted. A context from the cache is not stored again: each failed attempt
        would extend its expiry.
        """
        context_cached = self._found.sources is not None
        if answer:
            tier = "l3" if context_cached else "l2" if self._embedding_cached else "none"
            self.counters.add(spent_nanodollars=index_entries.nanodollars(answer.cost))
            self.counters.add(**{f"outcome_{tier}": int(self.counters.lookup_counted)})
            answer = None if answer.incomplete else answer
        if self.status != "ok" or (answer is None and context_cached):
            return 0
        entry = self._new_entry(vector, sources, answer)
        if answer:
            value = l1_answers.encode(answer, sources)
        else:
            value = l3_contexts.encode(entry.answer_id, sources)
        call = self._scripts.store(entry, value, counts=self.counters.take())
        replies = await self._execute(call, *self._store_embedding(entry), with_extension=True)
        if answer:
            self._lock.held = False
        return int(replies[0]) if replies else 0

    @fail_open(LookupResult)
    async def get_stale(self) -> LookupResult:
        """Look the answer up though it may have expired (stale-if-error, RFC 5861).

        An answer that a note change dropped is not found.
        """
        if not self._settings.stale_if_error_seconds:
            return LookupResult()
        replies = await self._execute(self._lookup("stale"))
        if not replies:
            return LookupResult()
        return parse_lookup(replies[0], self._question, self.field)[0]

    def disable(self, status: str = "failed") -> None:
        """Send no more commands, after a programming error or an earlier failure of Redis."""
        self._redis.status = status
        self.counters.restore()

    def deduct(self, seconds: float) -> None:
        """Deduct time that the request has waited from its budget for Redis."""
        self._redis.deduct(seconds)

    def count_follower(
        self, leader: "CacheSession | None", outcome: str, cost: float = 0.0
    ) -> None:
        """Count a request that got its leader's result: see `RequestCounters.count_follower`."""
        if leader:
            self._redis.status = leader.status
        self.counters.count_follower(leader.counters if leader else None, outcome, cost)

    def _lookup(self, purpose: str) -> Command:
        return self._scripts.lookup(purpose, aliases=self._aliases, counts=self.counters.take())

    def _store_embedding(self, entry: "Entry") -> list[Command]:
        """Return the command that stores the embedding of a new entry, unless it is cached."""
        if self._embedding_cached or self._embedding_stored:
            return []
        self._embedding_stored = True
        return [self._embeddings.store(self._question, entry.vector, self._scripts.store_fence)]

    async def _parse_lookup(self, reply: list[Any]) -> LookupResult:
        """Parse the reply of lookup.lua, and delete corrupt values."""
        self.counters.lookup_counted = True
        self._lock.fence = (reply[0] or b"").decode("ascii", "replace")
        found, corrupt = parse_lookup(reply, self._question, self.field)
        self._found = found
        if corrupt:
            await self._execute(*(Command.of("HDEL", key, *corrupt) for key in self._keys.hashes))
        return found

    async def _execute(self, *commands: Command, with_extension: bool = False) -> list[Any]:
        """Send commands, and those of the extension if requested. Return the replies, or []."""
        extension = self._extension if with_extension and self.status == "ok" else None
        extra = extension.commands() if extension else ()
        replies = await self._redis.execute(*commands, *extra)
        if not replies:
            self.counters.restore()
            return []
        self.counters.confirm()
        if extension:
            extension.receive(replies[len(commands) :])
        return replies[: len(commands)]
