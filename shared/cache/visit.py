"""One request's use of the cache: what of the three tiers travels together in a round trip.

look_up   the answer (L1), its context (L3), the index's word for both, the fence
survey    the embedding (L2), the user's index, a try for the flight
peek      the answer and context of another question of this user
share     an alias to that answer; the flight ends
keep      answer, context, index entry and embedding; the flight ends
"""

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from shared.cache import answers, contexts, counting, embeddings, keyspace, questions
from shared.cache.connection import Command, Connection, Script
from shared.cache.found import Found, Survey
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from shared.answer import Answer
    from shared.cache.pipeline import Pipeline
    from shared.cache.questions import Entry
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector

_FLIGHT_MS = 30_000
_POLL_SECONDS = (0.05, 0.1, 0.2, 0.25)
_LOOK_UP, _PEEK, _SHARE, _KEEP, _TRIM, _LAND = map(
    Script, ("look_up", "peek", "share", "keep", "trim", "land")
)


class Visit:
    """One request's use of the cache.

    It never raises for the cache's sake: once Redis has failed it, it says so (`status`), finds
    nothing more and keeps nothing.
    """

    def __init__(
        self,
        connection: Connection | None,
        settings: "Settings",
        *,
        user_id: str,
        question: str,
        pipeline: "Pipeline",
    ) -> None:
        """Without a connection it is a visit to no cache at all."""
        self.status = "ok" if connection else "off"
        self._connection = connection
        self._settings = settings
        self._pipeline = pipeline
        self._question = question
        self._keys = keyspace.UserKeys.of(user_id)
        self._field = keyspace.question_field(question, pipeline.name)
        self._counts = counting.Counts()
        self._token = secrets.token_urlsafe(8)
        self._fence = ""
        self._knows_vector = False
        self._aloft = False

    async def look_up(self, *, only_fence: bool = False, aliases: bool = True) -> Found:
        """Round trip 1. `only_fence` is for whoever wants a new answer, whatever there is."""
        field = "" if only_fence else self._field
        replies = await self._run(self._look_up(field, count=True, aliases=aliases))
        return await self._read(replies[0]) if replies else Found()

    async def survey(self) -> Survey:
        """Round trip 2."""
        replies = await self._run(
            embeddings.read(self._pipeline.embedding_model, self._question),
            Command.of("SET", self._flight, self._token, "NX", "PX", _FLIGHT_MS),
            Command.of("HGETALL", self._keys.questions),
        )
        if not replies:
            return Survey()
        from shared.vectors import from_bytes  # noqa: PLC0415  # an exact hit needs no numpy

        data = embeddings.decode(self._question, self._pipeline.dimensions, replies[0])
        self._knows_vector, self._aloft = data is not None, replies[1] is not None
        self._counts.add(l2_hits=int(data is not None), l2_misses=int(data is None))
        others = self._answered(replies[2].items())
        return Survey(from_bytes(data) if data else None, others, self._aloft)

    async def wait(self, deadline: float, *, aliases: bool = True) -> Found:
        """Wait while someone else generates this answer; then what they kept, if anything.

        `deadline` is a time of the loop's clock. Each look is one round trip, and looks become
        rarer.
        """
        loop = asyncio.get_running_loop()
        pauses = iter(_POLL_SECONDS)
        pause = 0.0
        while self.status == "ok" and loop.time() < deadline:
            pause = next(pauses, pause)
            await asyncio.sleep(pause)
            replies = await self._run(
                self._look_up(self._field, count=False, aliases=aliases),
                Command.of("EXISTS", self._flight),
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
                keys = [self._flight, counting.today(self._keys.partition)]
                await self._run(_LAND.call(keys, self._token, counting.TTL, *self._counts.take()))

    async def peek(self, field: str, entry: "Entry") -> Found:
        """Read the answer of another question of this user, as the survey found it."""
        replies = await self._run(
            _PEEK.call(self._user_keys[:3], field, entry.answer_id, int(time.time()))
        )
        if not replies or None in replies[0]:
            return Found()
        raw_answer, raw_context = replies[0]
        answer = answers.decode(entry.answer_id, raw_answer)
        sources = contexts.decode(entry.answer_id, raw_context)
        return Found(answer, sources) if answer and sources is not None else Found()

    async def share(
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
        own = questions.entry(
            self._question, vector, sources, pipeline=self._pipeline, settings=self._settings
        )
        field, entry = target
        replies = await self._run(
            _SHARE.call(
                [*self._user_keys, self._flight],
                self._field,
                self._fence,
                questions.encode(questions.alias(own, field, entry, similarity)),
                field,
                int(time.time()),
                self._token,
                counting.TTL,
                *self._counts.take(),
            ),
            self._trim(),
            *self._keep_vector(own),
        )
        shared = bool(replies and replies[0])
        self._aloft = self._aloft and not shared
        return self._field if shared else None

    async def keep(
        self, vector: "Vector", sources: "Sequence[Source]", answer: "Answer | None"
    ) -> bool:
        """Store an answer with its sources, or the sources alone, unless the notes changed.

        Returns whether it was stored.
        """
        settings = self._settings
        entry = questions.entry(
            self._question, vector, sources, answer, pipeline=self._pipeline, settings=settings
        )
        self._counts.add(spent_nanodollars=entry.cost)
        replies = await self._run(
            _KEEP.call(
                [*self._user_keys, self._flight],
                self._field,
                self._fence,
                questions.encode(entry),
                answers.encode(answer) if answer else b"",
                contexts.encode(entry.answer_id, sources),
                settings.answer_ttl,
                self._token,
                counting.TTL,
                *self._counts.take(),
            ),
            self._trim(),
            *self._keep_vector(entry),
        )
        self._aloft = False
        return bool(replies and replies[0])

    def count(self, **events: int) -> None:
        """Count events with the next round trip that writes."""
        self._counts.add(**events)

    def _answered(self, index: "Iterable[tuple[bytes, bytes]]") -> "dict[str, Entry]":
        """Pick what this pipeline has answered, and what is not over yet."""
        now = time.time()
        entries = questions.decode_all(index)
        own = entries.get(self._field)
        refused = own.target if own and own.kind == questions.REFUSED else ""
        return {
            field: entry
            for field, entry in entries.items()
            if entry
            and entry.kind == questions.ANSWER
            and entry.pipeline == self._pipeline.name
            and entry.expires > now
            and field not in {self._field, refused}
        }

    @property
    def _user_keys(self) -> tuple[str, str, str, str]:
        keys = self._keys
        return keys.questions, keys.answers, keys.contexts, counting.today(keys.partition)

    @property
    def _flight(self) -> str:
        return self._keys.flight(self._field, self._fence)

    def _look_up(self, field: str, *, count: bool, aliases: bool) -> Command:
        return _LOOK_UP.call(
            self._user_keys,
            field,
            secrets.token_urlsafe(12),
            int(time.time()),
            self._settings.answer_ttl,
            counting.TTL,
            int(count),
            int(aliases),
        )

    def _keep_vector(self, entry: "Entry") -> list[Command]:
        """Keep the question's embedding, unless it came from there."""
        if self._knows_vector:
            return []
        self._knows_vector = True
        model, ttl = self._pipeline.embedding_model, self._settings.embedding_ttl
        return [embeddings.write(model, self._question, entry.vector, ttl)]

    def _trim(self) -> Command:
        return _TRIM.call(self._user_keys, self._settings.max_questions, self._field)

    async def _read(self, reply: list[Any]) -> Found:
        """Make sense of what the look-up script gave, and remove what makes none."""
        fence, raw_entry, raw_answer, raw_context, raw_alias = reply
        self._fence = fence.decode("ascii", "replace")
        if raw_entry is None:
            return Found()
        entry = questions.decode(raw_entry)
        alias = questions.decode(raw_alias) if raw_alias is not None else entry
        if entry is None or alias is None or alias.question != self._question:
            return await self._remove()
        answer = sources = None
        if raw_answer is not None:
            answer = answers.decode(entry.answer_id, raw_answer)
        if raw_context is not None:
            sources = contexts.decode(entry.answer_id, raw_context)
        damaged = answer is None and raw_answer is not None
        if damaged or (sources is None and raw_context is not None):
            return await self._remove(alias.target)
        if answer and sources is not None:
            if alias is entry:
                return Found(answer, sources)
            return Found(answer, sources, entry.question, alias.similarity, self._field)
        fresh = alias is entry and sources is not None and entry.fresh_until > time.time()
        return Found(None, sources if fresh else None)

    async def _remove(self, target: str = "") -> Found:
        """Remove this question, and the one whose answer it shares."""
        fields = [self._field, target] if target else [self._field]
        await self._run(*(Command.of("HDEL", key, *fields) for key in self._user_keys[:3]))
        return Found()

    async def _run(self, *commands: Command) -> list[Any]:
        if self.status != "ok" or self._connection is None:
            return []
        try:
            return await self._connection.run(*commands)
        except CacheUnavailableError:
            self.status = "unavailable"
            return []
