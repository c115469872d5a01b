"""Use case: answer a question. Functions are in call order.

`ask` joins concurrent equal requests. `_answer` looks the answer up. On a miss it waits while
another request generates the answer. `answer_miss` embeds, searches, matches, generates and
stores. `_fall_back` serves requests while a model is down.
"""

import logging
from functools import partial
from typing import TYPE_CHECKING

from shared.answer import Answer
from shared.answer_stream import AnswerStart, AnswerStream
from shared.ask_state import AskState, SharedResult
from shared.cache.coalescing import Coalescer, Membership
from shared.cache.index_entries import nanodollars
from shared.deadline import deadline_scope, remaining_seconds, timeout_at_deadline
from shared.errors import (
    CircuitOpenError,
    InferenceError,
    InferenceTimeoutError,
    StoreUnavailableError,
    TercetError,
    UnavailableError,
)
from shared.observability.timings import timed
from shared.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.ask_dependencies import AskDependencies
    from shared.cache.results import MissContext
    from shared.cache.session import CacheSession
    from shared.notes.note import Source
    from shared.question import Question, Request
    from shared.semantic_match import Match
    from shared.settings import Settings
    from shared.vectors import Vector

_log = logging.getLogger(__name__)
_EXTRACTIVE_TIME_LIMIT_SECONDS = 2.0
_STILL_GENERATING = "another request is still generating this answer; ask again"


class Assistant:
    """Answers questions from a user's notes. Each answer is generated once."""

    def __init__(
        self,
        dependencies: "AskDependencies",
        *,
        open_session: "Callable[[Request, Question], CacheSession]",
        settings: "Settings",
    ) -> None:
        self._dependencies = dependencies
        self._open_session = open_session
        self._settings = settings
        self._coalescer: Coalescer[SharedResult] = Coalescer()

    async def ask(
        self, request: "Request", stream: AnswerStream[SharedResult] | None = None
    ) -> Reply:
        """Answer a question. `stream` gets the text while it is generated.

        Raises:
            InvalidRequestError: the question is empty, too long or without a letter or digit.
            InferenceError: a model returned no usable answer in time.
            StoreUnavailableError: the notes cannot be read.
        """
        with deadline_scope(request.seconds or self._settings.inference_timeout):
            # A question that depends on its history is rewritten to one that stands alone.
            question = await self._dependencies.question_resolver.resolve(request)
            session = self._open_session(request, question)
            ask = AskState(request, question, session, stream or AnswerStream())
            try:
                reply = await self._coalesce(ask)
            except BaseException:  # a cancelled request included
                session.counters.record_outcome("failed")
                raise
        session.counters.record_outcome(reply.outcome)
        return reply

    async def _coalesce(self, ask: AskState) -> Reply:
        """Answer, or share the result of an equal request in this process."""
        membership = await self._join(ask)
        if membership.result is not None:
            return membership.result.for_follower(ask.question, ask.session)
        with membership:
            try:
                reply = await self._answer(ask, membership)
            except Exception as error:
                ask.stream.publish(SharedResult(ask.session, error))
                raise
            ask.stream.publish(SharedResult(ask.session, reply))
            return reply

    async def _join(self, ask: AskState) -> Membership[SharedResult]:
        request, question = ask.request, ask.question
        if request.no_cache or request.no_store or question.is_unresolved:
            return Membership(ask.stream)
        key = request.user_id, question.identity, question.day, question.tags, request.exact
        try:
            membership = await self._coalescer.join(key, ask.stream)
        except BaseException as error:
            ask.session.count_follower(None, "failed")
            if isinstance(error, TimeoutError):
                raise InferenceTimeoutError(_STILL_GENERATING) from error
            raise
        ask.session.deduct(membership.waited)
        return membership

    async def _answer(self, ask: AskState, membership: Membership[SharedResult]) -> Reply:
        request, question, session = ask.request, ask.question, ask.session

        # Round trip 1: the answer, or a context that is still fresh.
        with timed("lookup"):
            found = await session.lookup(only_fence=request.no_cache)
        membership.finish_lookup()
        if found.is_final:
            return Reply.from_cache(question, found, session.status)

        # Round trip 2: the embedding, the user's other questions, the single-flight lock.
        with timed("load_miss_context"):
            context = await session.load_miss_context()

        ask.sources = found.sources
        try:
            # Another request holds the lock: wait for its answer, or for the lock.
            while self._must_wait(request, context):
                if reply := await self._wait(ask, context):
                    return reply
                with timed("load_miss_context"):
                    context = await session.load_miss_context()
            holder = ask.lock_holder(context) if context.may_generate else None
            with self._coalescer.holding(holder, ask.stream):
                async with session.hold_lock():
                    return await self.answer_miss(ask, context)
        except UnavailableError as failure:
            # With all breakers closed the failure is reported. Otherwise the fallback is tried.
            is_open = isinstance(failure, CircuitOpenError)
            if self._language_model_circuit == "closed" and not is_open:
                raise
            if reply := await self._fall_back(ask):
                return reply
            raise

    def _must_wait(self, request: "Request", context: "MissContext") -> bool:
        """Return whether to wait for the holder of the single-flight lock."""
        must_generate = request.no_cache or self._language_model_circuit != "closed"
        return not (context.may_generate or must_generate)

    async def _wait(self, ask: AskState, context: "MissContext") -> Reply | None:
        """Wait for the answer of the lock's holder. Return None if the lock may be free.

        Raises:
            TercetError: the holder's error, or a time-out.
        """
        session, holder = ask.session, ask.lock_holder(context)
        with timed("wait"):
            if self._coalescer.has_holder(holder):  # in this process
                try:
                    result = await self._coalescer.follow_holder(holder, ask.stream)
                except TimeoutError:
                    raise InferenceTimeoutError(_STILL_GENERATING) from None
                return result.for_waiting(ask.question, session) if result else None
            found = await session.wait_for_holder(
                give_up=lambda: (
                    self._language_model_circuit == "open" or self._coalescer.has_holder(holder)
                )
            )
        ask.sources = found.sources
        if found.is_final:
            return Reply.from_cache(ask.question, found, session.status, coalesced=True)
        if found.holder_error:
            raise found.holder_error
        if remaining_seconds() <= 0:
            raise InferenceTimeoutError(_STILL_GENERATING)
        return None

    async def answer_miss(self, ask: AskState, context: "MissContext") -> Reply:
        """Answer a question that has no cached answer, and store the answer."""
        request, question, session = ask.request, ask.question, ask.session
        if self._language_model_circuit == "open" and (stale := await self._get_stale(ask)):
            return stale

        tier = "l3" if ask.sources is not None else "l2" if context.vector is not None else None
        vector = context.vector
        if vector is None:
            with timed("embed"):
                embedder = self._dependencies.question_embedder
                (vector,) = await embedder.embed([question.embedded])
        if ask.sources is None:
            with timed("search"):
                ask.sources = await self._search(ask, vector)
        sources = ask.sources
        if not sources:
            # Stored as an empty context, so that waiting and later requests do not search again.
            await session.store(vector, sources, None)
            return Reply.no_notes(question, session.status)

        # Round trip 3, only with a candidate: is a cached question equivalent?
        match = None
        is_off = request.no_cache or request.exact or self._settings.semantic_matcher == "off"
        if context.matchable_entries and not (is_off or question.truncated):
            with timed("match"):
                match = await self._match(ask, vector, context)
            if match and match.found:
                reply = Reply.from_cache(question, match.found, session.status, match="semantic")
                await self._dependencies.match_sampler.offer(request.user_id, reply)
                return reply

        try:
            with timed("generate"):
                answer = await self._generate(ask, AnswerStart(tier, None, sources, session.status))
        except InferenceError as error:
            session.counters.add(spent_nanodollars=nanodollars(error.cost))
            # The next request needs neither the embedding nor the search.
            await session.store(vector, sources, None)
            raise
        # The last round trip. Redis refuses the answer if the fence changed since round trip 1.
        with timed("store"):
            expires = await session.store(vector, sources, answer)
        return Reply(
            question,
            answer,
            sources,
            session.status,
            tier=tier,
            expires=expires if expires and not answer.incomplete else None,
            match_rejection=match.rejection if match else None,
            rejected_similarity=match.similarity if match else None,
            rejected_probability=match.probability if match else None,
        )

    async def _match(
        self, ask: AskState, vector: "Vector", context: "MissContext"
    ) -> "Match | None":
        try:
            return await self._dependencies.semantic_matcher.match(
                ask.question.wording, vector, ask.sources or (), context, ask.session
            )
        except TercetError:
            raise
        except Exception:
            _log.exception("unhandled exception in the matching; the answer is generated")
            return None

    async def _search(self, ask: AskState, vector: "Vector") -> "Sequence[Source]":
        count, tags = self._settings.retrieved_chunks, ask.question.tags
        try:
            async with timeout_at_deadline():
                store = self._dependencies.store
                return await store.search(ask.request.user_id, vector, count, tags)
        except TimeoutError as error:
            raise StoreUnavailableError("the notes were not read in time; ask again") from error

    async def _generate(self, ask: AskState, start: AnswerStart) -> Answer:
        # Without Redis there is no single-flight lock, so this process coalesces generations.
        has_no_lock = ask.session.status in {"unavailable", "failed"}
        parts, question = self._dependencies, ask.question
        answerer = parts.coalescing_answerer if has_no_lock else parts.answerer
        generate = partial(
            answerer.answer,
            question.wording,
            start.sources,
            today=question.day.date if question.day else None,
            history=question.turns,
            on_text=partial(ask.stream.write, start) if ask.stream.wants_text else None,
        )
        spend = ask.spend or self._dependencies.user_budget.spend
        return Answer.from_completion(await spend(ask.request.user_id, generate))

    async def _fall_back(self, ask: AskState) -> Reply | None:
        """Serve a stale answer or quote the notes. Return None if neither is possible."""
        if stale := await self._get_stale(ask):
            return stale
        sources, answerer = ask.sources, self._dependencies.extractive_answerer
        if not (sources and answerer):
            return None
        # It embeds sentences, but the embedding model may be down too: then it works without.
        wording, turns = ask.question.wording, ask.question.turns
        with timed("extract"), deadline_scope(_EXTRACTIVE_TIME_LIMIT_SECONDS):
            answer = Answer.from_completion(await answerer.answer(wording, sources, history=turns))
        return Reply(ask.question, answer, sources, ask.session.status, extractive=True)

    async def _get_stale(self, ask: AskState) -> Reply | None:
        """Return an expired answer (stale-if-error, RFC 5861), unless the request is `no_cache`."""
        if ask.request.no_cache:
            return None
        with timed("get_stale"):
            found = await ask.session.get_stale()
        if not found.answer:
            return None
        return Reply.from_cache(ask.question, found, ask.session.status, stale=True)

    @property
    def _language_model_circuit(self) -> str:
        """The state of the language model's circuit breaker: `closed`, `open` or `half-open`."""
        return self._dependencies.circuit_breakers.chat.state
