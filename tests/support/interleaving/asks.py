"""Sends requests and checks each response with the oracle."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING

from functions.ask.answer_events import answer_events
from shared.answer_stream import AnswerStart, AnswerStream
from shared.ask_state import SharedResult
from shared.assistant import Assistant
from shared.cache.feedback import Feedback
from shared.errors import NotFoundError, UnavailableError
from shared.freshness import EPSILON
from shared.notes.note import Source
from shared.question import Request
from shared.reply import Reply
from shared.semantic_match import has_common_sources
from shared.tags import normalize_question_tags
from tests.support.interleaving.adapters import (
    FaultInjector,
    WatchedRedisClient,
    WatchedStore,
    WordEmbedder,
    quote,
    to_source,
)
from tests.support.interleaving.history import History, StaleError, Version, explain
from tests.support.interleaving.lifetimes import Begun, Lifetimes

if TYPE_CHECKING:
    from functions.ask.answer_events import Ask

K = 2


class Asks:
    """Sends requests to several containers and checks the responses."""

    def __init__(
        self,
        assistant: Callable[[], Assistant],
        rng: Random,
        fault_injector: FaultInjector,
        *,
        history: History,
        redis_client: WatchedRedisClient,
        store: WatchedStore,
        embedder: WordEmbedder,
        lifetimes: Lifetimes,
        feedback_rate: float,
        uninterrupted: bool,
    ) -> None:
        """`assistant` opens a container and returns its assistant."""
        self._feedback = Feedback(redis_client, replicas=1)
        self._feedback_rate = feedback_rate
        self._uninterrupted = uninterrupted
        self._open = assistant
        self._assistants = [assistant() for _ in range(rng.choice((1, 1, 2, 3)))]
        self._rng = rng
        self._faults = fault_injector
        self._history = history
        self._redis_client = redis_client
        self._store = store
        self._embedder = embedder
        self._lifetimes = lifetimes

    async def ask(self, request: Request) -> Reply | None:
        """Send a request during the simulation. Return None if a fault failed it."""
        floors = self._history.floors(request.user_id)
        began = self._redis_client.begin_ask(request.user_id)
        with self._lifetimes.request(request.user_id) as begun:
            try:
                reply = await self._assistant().ask(request)
            except UnavailableError as error:
                if self._uninterrupted:
                    raise StaleError(f"{request} was not answered: {error}") from error
                return None
            return await self._checked(request, reply, floors, began, begun)

    async def stream(self, request: Request, *, leaves: bool) -> Reply | None:
        """Read an answer while it is generated. Return None if the client leaves or a fault."""
        floors = self._history.floors(request.user_id)
        began, assistant = self._history.tick(), self._assistant()

        async def ask(stream: AnswerStream[SharedResult]) -> Reply:
            self._redis_client.begin_ask(request.user_id)
            return await assistant.ask(request, stream)

        with self._lifetimes.request(request.user_id) as begun:
            return await self._streamed(request, ask, floors, began, begun, leaves=leaves)

    async def _streamed(
        self,
        request: Request,
        ask: "Ask",
        floors: Mapping[str, int],
        began: int,
        begun: Begun,
        *,
        leaves: bool,
    ) -> Reply | None:
        client = asyncio.ensure_future(_read(answer_events(ask)))
        if leaves:
            for _ in range(self._rng.choice((2, 10, 30, 80))):
                await asyncio.sleep(0)
            client.cancel()
        try:
            reply, text = await client
        except asyncio.CancelledError:
            if leaves:
                return None
            raise
        except UnavailableError as error:
            if self._uninterrupted:
                raise StaleError(f"{request} was interrupted: {error}") from error
            return None
        if text != reply.text:
            raise StaleError(f"{request} got the parts {text!r} of {reply}")
        return await self._checked(request, reply, floors, began, begun)

    async def _checked(
        self, request: Request, reply: Reply, floors: Mapping[str, int], began: int, begun: Begun
    ) -> Reply:
        self._lifetimes.check_repetition(request, reply)
        self._lifetimes.check(request, reply, begun)
        if reply.tier not in {"l1", "l3"}:  # the notes were searched
            floors = dict.fromkeys(self._history.notes(request.user_id), began)
        self._check(request, reply, floors)
        self._check_refusal(request, reply, began)
        if reply.matched_question and self._rng.random() < self._feedback_rate:
            await self._refuse(request, reply)
        return reply

    async def ask_at_end(self, request: Request) -> Reply:
        """Send a request after all changes: the response must match the current notes."""
        now = self._redis_client.begin_ask(request.user_id)
        with self._lifetimes.request(request.user_id) as begun:
            reply = await self._assistants[0].ask(request)
        self._lifetimes.check(request, reply, begun)
        self._check(request, reply, dict.fromkeys(self._history.notes(request.user_id), now))
        self._check_refusal(request, reply, now)
        if reply.matched_question:
            own = await self.search(request)
            if not has_common_sources(own, reply.sources):
                raise StaleError(f"{request} still has the alias {reply}, but retrieves {own}")
        return reply

    async def search(self, request: Request, k: int = K) -> list[Source]:
        vector = self._embedder.vector(request.query)
        tags = normalize_question_tags(request.tags)
        return await self._store.search(request.user_id, vector, k, tags)

    async def has_ties(self, requests: Sequence[Request]) -> bool:
        """Whether a chunk that is no source is as similar to a question as its last source.

        A repeated change of such a note drops the answer: chunk ids are not compared.
        """
        for request in requests:
            found = await self.search(request, K + 1)
            if len(found) > K and found[-2].similarity - found[-1].similarity < 2 * EPSILON:
                return True
        return False

    def _assistant(self) -> Assistant:
        """Choose a container. A task that will be frozen gets a container of its own."""
        if asyncio.current_task() in self._faults.frozen:
            return self._open()
        return self._rng.choice(self._assistants)

    async def _refuse(self, request: Request, reply: Reply) -> None:
        """Report a match as wrong. It is refused from the acknowledgement on."""
        try:
            await self._feedback.reject_answer(request.user_id, reply.answer_id or "")
        except (UnavailableError, NotFoundError):
            return
        self._history.refused[_match(request, reply)] = self._history.tick()

    def _check_refusal(self, request: Request, reply: Reply, began: int) -> None:
        refused = self._history.refused.get(_match(request, reply))
        if refused is not None and refused < began and request.user_id not in self._history.deleted:
            raise StaleError(f"{request} got {reply}, but its user had refused this match")

    def _check(self, request: Request, reply: Reply, floors: Mapping[str, int]) -> None:
        if self._history.violation or reply.cache == "failed":
            raise StaleError(self._history.violation or "the cache raised an exception")
        admissible = self._history.admissible(request.user_id, floors, request.tags)
        # A semantic hit must be the uncached answer to the other question.
        question = reply.matched_question or _meaning(request)
        wording = request.query if reply.question.is_unresolved else question
        violation = self._violation(question, wording, reply, admissible)
        if violation:
            raise StaleError(f"{request} got {reply}, but {violation}")

    def _violation(
        self,
        question: str,
        wording: str,
        reply: Reply,
        admissible: Mapping[str, Sequence[Version]],
    ) -> str | None:
        """`wording` is what the answerer got for this question."""
        vector = self._embedder.vector(question)
        violation = explain(reply.sources, admissible, lambda chunk: to_source(vector, chunk), K)
        text = reply.answer.text if reply.answer else None
        expected = quote(wording, reply.sources) if reply.sources else None
        if expected and reply.answer and reply.answer.incomplete:
            expected = expected[: len(expected) // 2]
        if violation is None and text != expected:
            return "its text does not match its sources"
        return violation


async def _read(events: "AsyncGenerator[AnswerStart | str | Reply, None]") -> tuple[Reply, str]:
    """Return the reply and its parts together."""
    parts: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Reply):
                return event, "".join(parts)
            if isinstance(event, str):
                parts.append(event)
    raise AssertionError("the events end without a reply")


def _match(request: Request, reply: Reply) -> tuple[str, frozenset[str]]:
    return request.user_id, frozenset({_meaning(request), reply.matched_question or ""})


def _meaning(request: Request) -> str:
    """Return the question that a request asks, which for a follow-up is the turn before it."""
    return request.history[-1].content if request.history else request.query
