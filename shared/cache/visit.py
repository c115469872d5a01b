"""One request's use of the cache: what of the three tiers travels together in a round trip.

look_up   the answer (L1), its context (L3), the index's word for both, the fence: a script
survey    the embedding (L2), the user's index, a try for the flight: a pipeline
keep      answer, context, index entry and embedding; the flight ends: a pipeline
"""

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.answer import new_answer_id
from shared.cache import answers, contexts, embeddings, keyspace, questions
from shared.cache.connection import Command, Connection, Script
from shared.cache.pipeline import Pipeline
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from shared.answer import Answer
    from shared.cache.questions import Entry
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector

COUNTERS_TTL = 90 * 86_400
_FLIGHT_MS = 30_000
_POLL_SECONDS = (0.05, 0.1, 0.2, 0.25)
_LOOK_UP = Script("look_up")
_KEEP = Script("keep")
_LAND = Script("land")


@dataclass(frozen=True, slots=True)
class Found:
    """What round trip 1 found.

    With an answer, `sources` are its sources; without one, they are a context that is still
    fresh enough to write a new answer from, or None.
    """

    answer: "Answer | None" = None
    sources: "list[Source] | None" = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What round trip 2 found: an embedding, the user's index, and whether it is ours to answer."""

    vector: "Vector | None" = None
    index: "Mapping[str, Entry | None]" = field(default_factory=dict)
    ours: bool = True


class Visit:
    """One request's use of the cache.

    It never raises for the cache's sake: once Redis has failed it, it says so (`available`),
    finds nothing more and keeps nothing.
    """

    def __init__(
        self,
        connection: Connection | None,
        settings: "Settings",
        *,
        user_id: str,
        question: str,
        pipeline: Pipeline,
    ) -> None:
        """Without a connection it is a visit to no cache at all."""
        self.status = "ok" if connection else "off"
        self._connection = connection
        self._settings = settings
        self._pipeline = pipeline
        self._question = question
        self._keys = keyspace.UserKeys.of(user_id)
        self._field = keyspace.question_field(question, pipeline.name)
        self._fence = ""
        self._token = secrets.token_urlsafe(8)
        self._knows_vector = False
        self._aloft = False
        self._counts: dict[str, int] = {}

    @property
    def available(self) -> bool:
        """Whether there is a cache, and it has answered so far."""
        return self.status == "ok"

    async def look_up(self, *, again: bool = False, only_fence: bool = False) -> Found:
        """Round trip 1. `again` looks without counting; `only_fence` for whoever wants no hit."""
        asked = "" if only_fence else self._field
        replies = await self._run(self._look_up(asked, count=not again))
        return await self._read(replies[0]) if replies else Found()

    async def survey(self, *, index: bool = True) -> Survey:
        """Round trip 2."""
        commands = [
            embeddings.read(self._pipeline.embedding_model, self._question),
            Command.of("SET", self._flight, self._token, "NX", "PX", _FLIGHT_MS),
        ]
        if index:
            commands.append(Command.of("HGETALL", self._keys.questions))
        replies = await self._run(*commands)
        if not replies:
            return Survey()
        from shared.vectors import from_bytes  # noqa: PLC0415  # an exact hit needs no numpy

        data = embeddings.decode(self._question, self._pipeline.dimensions, replies[0])
        self._knows_vector, self._aloft = data is not None, replies[1] is not None
        self.count(l2_hits=int(data is not None), l2_misses=int(data is None))
        known = questions.decode_all(replies[2].items()) if index else {}
        return Survey(from_bytes(data) if data else None, known, self._aloft)

    async def wait(self, deadline: float) -> Found:
        """Wait while someone else generates this answer; then what they kept, if anything.

        `deadline` is a time of the loop's clock. Each look is one round trip, and looks become
        rarer.
        """
        loop = asyncio.get_running_loop()
        pauses = iter(_POLL_SECONDS)
        pause = 0.0
        while self.available and loop.time() < deadline:
            pause = next(pauses, pause)
            await asyncio.sleep(pause)
            replies = await self._run(
                self._look_up(self._field, count=False), Command.of("EXISTS", self._flight)
            )
            found = await self._read(replies[0]) if replies else Found()
            if found.answer or not replies or not replies[1]:
                return found
        return Found()

    @asynccontextmanager
    async def flight(self) -> "AsyncIterator[None]":
        """Generate an answer; however that ends, nobody is left waiting for it."""
        try:
            yield
        finally:
            if self._aloft:
                await self._land()

    async def keep(
        self, vector: "Vector", sources: "Sequence[Source]", answer: "Answer | None"
    ) -> bool:
        """Store an answer with its sources, or the sources alone, unless the notes changed.

        Returns whether it was stored.
        """
        now, settings = time.time(), self._settings
        answer_id = answer.answer_id if answer else new_answer_id()
        ttl = settings.answer_ttl if answer else settings.context_ttl
        entry = questions.Entry(
            kind=questions.ANSWER if answer else questions.CONTEXT,
            answer_id=answer_id,
            expires=int(now) + ttl,
            cost=round(answer.cost / answers.NANO) if answer else 0,
            question=self._question,
            pipeline=self._pipeline.name,
            fresh_until=int(now) + settings.context_ttl,
            least=min((source.similarity for source in sources), default=-1.0),
            full=len(sources) >= self._pipeline.retrieved_chunks,
            notes=frozenset(keyspace.note_tag(source.note_id) for source in sources),
            vector=vector.tobytes(),
        )
        self.count(spent_nanodollars=entry.cost)
        store = _KEEP.call(
            [*self._user_keys, self._flight],
            self._field,
            self._fence,
            questions.encode(entry),
            answers.encode(answer) if answer else b"",
            contexts.encode(answer_id, sources),
            settings.answer_ttl,
            COUNTERS_TTL,
            settings.max_questions,
            self._token,
            *self._flat_counts(),
        )
        commands = [store]
        if not self._knows_vector:
            model, ttl = self._pipeline.embedding_model, settings.embedding_ttl
            commands.append(embeddings.write(model, self._question, entry.vector, ttl))
        replies = await self._run(*commands)
        self._aloft = False
        return bool(replies and replies[0])

    async def _land(self) -> None:
        await self._run(
            _LAND.call(
                [self._flight, self._user_keys[3]],
                self._token,
                COUNTERS_TTL,
                *self._flat_counts(),
            )
        )

    def count(self, **events: int) -> None:
        """Count events with the next round trip that writes."""
        for name, times in events.items():
            self._counts[name] = self._counts.get(name, 0) + times

    @property
    def _user_keys(self) -> tuple[str, str, str, str]:
        keys = self._keys
        counters = keyspace.counters(keys.partition, datetime.now(UTC).date().isoformat())
        return keys.questions, keys.answers, keys.contexts, counters

    @property
    def _flight(self) -> str:
        return self._keys.flight(self._field, self._fence)

    def _look_up(self, asked: str, *, count: bool) -> Command:
        return _LOOK_UP.call(
            self._user_keys,
            asked,
            secrets.token_urlsafe(12),
            int(time.time()),
            self._settings.answer_ttl,
            COUNTERS_TTL,
            int(count),
        )

    async def _read(self, reply: list[Any]) -> Found:
        """Make sense of what the look-up script gave, and remove what makes none."""
        fence, raw_entry, raw_answer, raw_context, _ = reply
        self._fence = fence.decode("ascii", "replace")
        if raw_entry is None:
            return Found()
        entry = questions.decode(raw_entry)
        if entry is None or entry.question != self._question:
            return await self._remove()
        answer = sources = None
        if raw_answer is not None:
            answer = answers.decode(entry.answer_id, raw_answer)
        if raw_context is not None:
            sources = contexts.decode(entry.answer_id, raw_context)
        damaged = answer is None and raw_answer is not None
        if damaged or (sources is None and raw_context is not None):
            return await self._remove()
        if answer and sources is not None:
            return Found(answer, sources)
        fresh = sources is not None and entry.fresh_until > time.time()
        return Found(None, sources if fresh else None)

    async def _remove(self) -> Found:
        await self._run(
            *(Command.of("HDEL", key, self._field) for key in self._user_keys[:3]),
        )
        return Found()

    def _flat_counts(self) -> list[str | int]:
        counts, self._counts = self._counts, {}
        return [part for name, times in counts.items() if times for part in (name, times)]

    async def _run(self, *commands: Command) -> list[Any]:
        if not self.available or self._connection is None:
            return []
        try:
            return await self._connection.run(*commands)
        except CacheUnavailableError:
            self.status = "unavailable"
            return []
