"""One question's whole way, read from top to bottom."""

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from shared.answer import Answer, new_answer_id
from shared.cache.coalescing import Coalescer, Turn
from shared.deadline import deadline_scope, remaining, timeout_at_deadline
from shared.errors import (
    CircuitOpenError,
    InferenceError,
    InferenceTimeoutError,
    StoreUnavailableError,
    UnavailableError,
)
from shared.observability.timings import timed
from shared.question import Question
from shared.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.cache.results import LookupResult, MissContext
    from shared.cache.session import CacheSession
    from shared.inference.circuit_breaker import CircuitBreakers
    from shared.inference.ports import Answerer, Completion, Embedder
    from shared.notes.note import Source
    from shared.notes.store import NoteStore
    from shared.semantic_match import SemanticMatcher
    from shared.vectors import Vector

_QUOTE_SECONDS = 2.0
_UNDER_WAY = "this is still being answered; ask again"


class Parts(Protocol):
    """The parts that a miss needs. `Container` builds each at its first use; a hit needs none."""

    @property
    def circuit_breakers(self) -> "CircuitBreakers":
        """The circuit breakers of the models."""

    @property
    def embedder(self) -> "Embedder":
        """Embeds the question."""

    @property
    def store(self) -> "NoteStore":
        """Searches the notes."""

    @property
    def semantic_matcher(self) -> "SemanticMatcher":
        """Finds a cached question that is equivalent."""

    @property
    def answerer(self) -> "Answerer":
        """Generates the answer."""

    @property
    def coalescing_answerer(self) -> "Answerer":
        """Generates the answer if Redis is unavailable: equal calls share one generation."""

    @property
    def extractive_answerer(self) -> "Answerer | None":
        """Quotes the notes while a circuit is open; None if this is switched off."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks.

    `fresh` asks for a new answer, which then takes the place of the cached one; `no_store`
    neither reads nor leaves anything in the cache; `exact` refuses the answer to another
    wording. `seconds` is how long an answer may take.
    """

    user_id: str
    query: str
    no_cache: bool = False
    no_store: bool = False
    exact: bool = False
    seconds: float | None = None


@dataclass(slots=True)
class _Ask:
    """A question under way, and what is known by now of an answer to it.

    `turn` is among those who ask the same.
    """

    request: Request
    question: Question
    session: "CacheSession"
    turn: "Turn[_Outcome]"
    miss_context: "MissContext" = field(init=False)
    sources: "Sequence[Source] | None" = None
    has_nothing_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a question, for those who asked the same at the same moment."""

    session: "CacheSession"
    reply: Reply | Exception

    def told_to(self, question: Question, session: "CacheSession") -> Reply:
        """Tell it to another asker."""
        if isinstance(self.reply, Exception):
            session.count_follower(self.session, "failed")
            # As it was told: each who raises it would add to its traceback.
            raise self.reply.with_traceback(None)
        reply = self.reply.for_follower(question)
        session.count_follower(
            self.session, reply.outcome, reply.answer.cost if reply.answer else 0.0
        )
        return reply


class Assistant:
    """Answers questions from their asker's notes, and pays for each answer once."""

    def __init__(
        self,
        parts: "Parts",
        *,
        open_session: "Callable[[Request, Question], CacheSession]",
        retrieved_chunks: int,
        seconds: float,
    ) -> None:
        """`seconds` is how long an answer may take where the request does not say."""
        self._parts = parts
        self._open_session = open_session
        self._k = retrieved_chunks
        self._seconds = seconds
        self._coalescer: Coalescer[_Outcome] = Coalescer()

    async def ask(self, request: Request) -> Reply:
        """Answer a question.

        Raises:
            InvalidRequestError: the question is empty, too long or says nothing.
            InferenceError: a model gave no usable answer in time.
            StoreUnavailableError: the notes cannot be read.
        """
        question = Question.parse(request.query)
        session = self._open_session(request, question)
        try:
            with deadline_scope(request.seconds or self._seconds):
                reply = await self._in_turn(request, question, session)
        except BaseException:  # also where its asker gave up
            session.record_outcome("failed")
            raise
        session.record_outcome(reply.outcome)
        return reply

    async def _in_turn(
        self, request: Request, question: Question, session: "CacheSession"
    ) -> Reply:
        """Answer, or be told what is found by somebody who asks the same here at this moment."""
        turn = await self._turn(request, question, session)
        if turn.told is not None:
            return turn.told.told_to(question, session)
        with turn:
            try:
                reply = await self._answer(_Ask(request, question, session, turn))
            except Exception as error:
                turn.tell(_Outcome(session, error))
                raise
            turn.tell(_Outcome(session, reply))
            return reply

    async def _turn(
        self, request: Request, question: Question, session: "CacheSession"
    ) -> "Turn[_Outcome]":
        if request.no_cache or request.no_store:
            return Turn()
        same = request.user_id, question.normal, request.exact
        try:
            turn = await self._coalescer.turn(same)
        except BaseException as error:
            session.count_follower(None, "failed")
            if isinstance(error, TimeoutError):
                raise InferenceTimeoutError(_UNDER_WAY) from error
            raise
        session.spend(turn.gathered)
        return turn

    async def _answer(self, ask: _Ask) -> Reply:
        session, request = ask.session, ask.request

        # Round trip 1: has it been answered?
        with timed("lookup"):
            found = await session.lookup(only_fence=request.no_cache, aliases=not request.exact)
        ask.turn.looked()
        if found.is_final:
            return Reply.of(ask.question, found, session.status)

        # Round trip 2: its embedding, the user's other questions, and who answers it.
        with timed("load_miss_context"):
            ask.miss_context = await session.load_miss_context()
        if not (ask.miss_context.lock_acquired or request.no_cache or self._circuit != "closed"):
            found = await self._wait(ask)
            if found.is_final:
                return Reply.of(ask.question, found, session.status, coalesced=True)

        ask.sources = found.sources
        try:
            if found.leader_error:
                raise found.leader_error
            async with session.hold_lock():
                return await self._write(ask)
        except UnavailableError as error:
            # While the language model is left alone, nothing else that fails is waited for, either.
            if not (self._circuit != "closed" or isinstance(error, CircuitOpenError)):
                raise
            reply = await self._make_do(ask)
            if reply is None:
                raise
            return reply

    async def _wait(self, ask: _Ask) -> "LookupResult":
        """Wait while somebody else answers this question."""
        while not (ask.miss_context.lock_acquired or self._circuit != "closed"):
            with timed("wait"):
                found = await ask.session.wait_for_leader(
                    aliases=not ask.request.exact, give_up=lambda: self._circuit == "open"
                )
            if found.is_final or found.leader_error:
                break
            if remaining() <= 0:
                late = InferenceTimeoutError(_UNDER_WAY)
                return replace(found, leader_error=late)
            with timed("load_miss_context"):
                ask.miss_context = await ask.session.load_miss_context()
        return found

    async def _write(self, ask: _Ask) -> Reply:
        """Answer a question that nobody has answered."""
        request, question, session, context = (
            ask.request,
            ask.question,
            ask.session,
            ask.miss_context,
        )
        if self._circuit == "open" and (stale := await self._stale(ask)):
            return stale
        vector, known = context.vector, ask.sources is not None
        if vector is None:
            with timed("embed"):
                vector = await self._embed(ask)
        if ask.sources is None:
            with timed("search"):
                ask.sources = await self._search(ask, vector)
        sources = ask.sources
        if not sources:
            # Kept like any context: whoever waits, or asks next, is told at once.
            await session.store(vector, sources, None)
            return Reply(question, None, (), None, None, session.status)

        # Round trip 3, where another question is near: does its answer serve this one?
        match = None
        if context.candidates and not (request.no_cache or request.exact):
            with timed("match"):
                match = await self._parts.semantic_matcher.match(
                    question.normal,
                    vector,
                    sources,
                    context.candidates,
                    session,
                )
            if match.found:
                return Reply.of(question, match.found, session.status, match="semantic")

        try:
            with timed("generate"):
                answer = await self._generate(ask, sources)
        except InferenceError:
            # Whoever tries again pays for neither the embedding nor the search.
            await session.store(vector, sources, None)
            raise
        # The last round trip: kept, unless the user's notes changed since the first.
        with timed("store"):
            stored = await session.store(vector, sources, answer)

        tier = "l3" if known else "l2" if context.vector is not None else None
        refused = match.refused if match else None
        return Reply(
            question, answer, sources, tier, None, session.status, stored, match_refusal=refused
        )

    @property
    def _circuit(self) -> str:
        """The state of the language model's circuit breaker."""
        return self._parts.circuit_breakers.chat.state

    async def _embed(self, ask: _Ask) -> "Vector":
        (vector,) = await self._parts.embedder.embed([ask.question.normal])
        return vector

    async def _search(self, ask: _Ask, vector: "Vector") -> "Sequence[Source]":
        try:
            async with timeout_at_deadline():
                return await self._parts.store.search(ask.request.user_id, vector, self._k)
        except TimeoutError as error:
            raise StoreUnavailableError("the notes were not read in time; ask again") from error

    async def _generate(self, ask: _Ask, sources: "Sequence[Source]") -> Answer:
        # Without Redis there is no flight: then those of this container share an answer.
        unaided = ask.session.status == "unavailable"
        answerer = self._parts.coalescing_answerer if unaided else self._parts.answerer
        return _new(await answerer.answer(ask.question.normal, sources))

    async def _make_do(self, ask: _Ask) -> Reply | None:
        """Answer while a model is left alone: as before, else with the notes' own words."""
        if stale := await self._stale(ask):
            return stale
        sources, answerer = ask.sources, self._parts.extractive_answerer
        if not (sources and answerer):
            return None
        # Its embeddings come from where the trouble may be; it does without, too.
        with timed("extract"), deadline_scope(_QUOTE_SECONDS):
            answer = _new(await answerer.answer(ask.question.normal, sources))
        return Reply(ask.question, answer, sources, None, None, ask.session.status, extractive=True)

    async def _stale(self, ask: _Ask) -> Reply | None:
        """Answer as before, though that answer's time is up."""
        if ask.request.no_cache or ask.has_nothing_stale:
            return None
        with timed("get_stale"):
            found = await ask.session.get_stale(aliases=not ask.request.exact)
        ask.has_nothing_stale = not found.answer
        if not found.answer:
            return None
        return Reply.of(ask.question, found, ask.session.status, stale=True)


def _new(completion: "Completion") -> Answer:
    return Answer(
        answer_id=new_answer_id(),
        text=completion.text,
        model=completion.model,
        created=time.time_ns() // 1_000_000,
        cost=completion.cost,
    )
