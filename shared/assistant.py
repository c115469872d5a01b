"""One question's whole way, read from top to bottom."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.answer import Answer, new_answer_id
from shared.errors import (
    BreakerOpenError,
    InferenceError,
    InferenceTimeoutError,
    UnavailableError,
)
from shared.question import Question
from shared.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.cache.found import Found, Survey
    from shared.cache.visit import Visit
    from shared.inference.model import Completion
    from shared.notes.note import Source
    from shared.parts import Parts
    from shared.vectors import Vector

_QUOTE_SECONDS = 2.0
NO_NOTES = "You have no notes yet, so there is nothing to answer from. Add a note, then ask again."


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks.

    `fresh` asks for a new answer, which then takes the place of the cached one; `traceless`
    neither reads nor leaves anything in the cache; `exact` refuses the answer to another
    wording. `seconds` is how long an answer may take.
    """

    user_id: str
    query: str
    fresh: bool = False
    traceless: bool = False
    exact: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, the passages that it rests on, and where both came from.

    `answer` is None where there are no notes to answer from. `tier` is the deepest saving: `l1`
    (nothing was generated), `l3` (no search), `l2` (no embedding) or None; `match` says how an
    l1 answer was found, `exact` or `semantic`; `cache` how the cache fared; `stored` whether
    whoever asks next finds it. `matched` is the other question that the answer was written for,
    `similarity` the cosine of the two, `alias` what names their match. `refused` says why another
    question's answer, near as it was, would not do.

    While a model is left alone because it fails, an answer may be `stale`, past its time though
    no note that it depends on has changed, or `degraded`, quoted from the notes and not kept.
    """

    question: Question
    answer: Answer | None
    sources: "Sequence[Source]"
    tier: str | None
    match: str | None
    cache: str
    stored: bool = False
    matched: str | None = None
    similarity: float | None = None
    alias: str | None = None
    refused: str | None = None
    stale: bool = False
    degraded: bool = False

    @property
    def answer_id(self) -> str | None:
        """Name this answer to this question, for whoever finds it wrong."""
        if self.answer is None or self.degraded:
            return None
        name = self.answer.answer_id
        return f"{name}.{self.alias}" if self.alias else name


@dataclass(slots=True)
class _Draft:
    """What is known of an answer that is being written."""

    survey: "Survey"
    sources: "Sequence[Source] | None"


class Assistant:
    """Answers questions from their asker's notes, and pays for each answer once."""

    def __init__(
        self,
        parts: "Parts",
        *,
        open_visit: "Callable[[Request, Question], Visit]",
        retrieved_chunks: int,
        seconds: float,
    ) -> None:
        """`seconds` is how long an answer may take where the request does not say."""
        self._parts = parts
        self._open_visit = open_visit
        self._k = retrieved_chunks
        self._seconds = seconds

    async def ask(self, request: Request) -> Reply:
        """Answer a question.

        Raises:
            InvalidRequestError: the question is empty, too long or says nothing.
            InferenceError: a model gave no usable answer in time.
            StoreUnavailableError: the notes cannot be read.
        """
        question = Question.parse(request.query)
        visit = self._open_visit(request, question)
        try:
            reply = await self._answer(request, question, visit)
        except BaseException:  # also where its asker gave up
            visit.end("failed")
            raise
        visit.end(_way(reply))
        return reply

    async def _answer(self, request: Request, question: Question, visit: "Visit") -> Reply:
        deadline = asyncio.get_running_loop().time() + (request.seconds or self._seconds)

        # Round trip 1: has it been answered?
        with step("look_up"):
            found = await visit.look_up(only_fence=request.fresh, aliases=not request.exact)
        if found.settles:
            return _from_cache(question, found, visit)

        # Round trip 2: its embedding, the user's other questions, and who answers it.
        found, survey = await self._take_turn(request, visit, found, deadline)
        if found.settles:
            return _from_cache(question, found, visit)

        draft = _Draft(survey, found.sources)
        try:
            if found.failed:
                raise found.failed
            async with visit.flight():
                return await self._write(request, question, visit, draft, deadline)
        except UnavailableError as error:
            # While the language model is left alone, nothing else that fails is waited for, either.
            if not (visit.breaker != "closed" or isinstance(error, BreakerOpenError)):
                raise
            reply = await self._make_do(request, question, visit, draft.sources, deadline)
            if reply is None:
                raise
            return reply

    async def _take_turn(
        self, request: Request, visit: "Visit", found: "Found", deadline: float
    ) -> "tuple[Found, Survey]":
        """Wait while somebody else answers this question, if anybody does."""
        with step("survey"):
            survey = await visit.survey()
        while not (survey.ours or request.fresh):
            with step("wait"):
                found = await visit.wait(deadline, aliases=not request.exact)
            if found.settles or found.failed:
                break
            if asyncio.get_running_loop().time() >= deadline:
                late = InferenceTimeoutError("this is still being answered; ask again")
                return replace(found, failed=late), survey
            with step("survey"):
                survey = await visit.survey()
        return found, survey

    async def _write(
        self, request: Request, question: Question, visit: "Visit", draft: "_Draft", deadline: float
    ) -> Reply:
        """Answer a question that nobody has answered."""
        if visit.breaker == "open" and (stale := await self._stale(request, question, visit)):
            return stale
        survey, known = draft.survey, draft.sources is not None
        vector = survey.vector
        if vector is None:
            with step("embed"):
                vector = await self._embed(question, deadline)
        if draft.sources is None:
            with step("search"):
                draft.sources = await self._parts.store.search(request.user_id, vector, self._k)
        sources = draft.sources
        if not sources:
            # Kept like any context: whoever waits, or asks next, is told at once.
            await visit.keep(vector, sources, None)
            return Reply(question, None, (), None, None, visit.status)

        # Round trip 3, where another question is near: does its answer serve this one?
        match = None
        if survey.others and not (request.fresh or request.exact):
            with step("match"):
                match = await self._parts.matcher.match(
                    question.normal, vector, sources, survey.others, visit, deadline=deadline
                )
            if match.found:
                return _from_cache(question, match.found, visit, "semantic")

        try:
            with step("generate"):
                answer = await self._generate(question, sources, visit, deadline)
        except InferenceError:
            # Whoever tries again pays for neither the embedding nor the search.
            await visit.keep(vector, sources, None)
            raise
        # The last round trip: kept, unless the user's notes changed since the first.
        with step("keep"):
            stored = await visit.keep(vector, sources, answer)

        tier = "l3" if known else "l2" if survey.vector is not None else None
        refused = match.refused if match else None
        return Reply(question, answer, sources, tier, None, visit.status, stored, refused=refused)

    async def _embed(self, question: Question, deadline: float) -> "Vector":
        (vector,) = await self._parts.embedder.embed([question.normal], deadline=deadline)
        return vector

    async def _generate(
        self, question: Question, sources: "Sequence[Source]", visit: "Visit", deadline: float
    ) -> Answer:
        # Without Redis there is no flight: then those of this container share an answer.
        unaided = visit.status == "unavailable"
        answerer = self._parts.sharing_answerer if unaided else self._parts.answerer
        return _new(await answerer.answer(question.normal, sources, deadline=deadline))

    async def _make_do(
        self,
        request: Request,
        question: Question,
        visit: "Visit",
        sources: "Sequence[Source] | None",
        deadline: float,
    ) -> Reply | None:
        """Answer while a model is left alone: as before, else with the notes' own words."""
        if stale := await self._stale(request, question, visit):
            return stale
        answerer = self._parts.quoting_answerer
        if not (sources and answerer):
            return None
        # Its embeddings come from where the trouble may be; it does without, too.
        soon = min(deadline, asyncio.get_running_loop().time() + _QUOTE_SECONDS)
        with step("quote"):
            answer = _new(await answerer.answer(question.normal, sources, deadline=soon))
        return Reply(question, answer, sources, None, None, visit.status, degraded=True)

    async def _stale(self, request: Request, question: Question, visit: "Visit") -> Reply | None:
        """Answer as before, though that answer's time is up."""
        if request.fresh:
            return None
        with step("find_stale"):
            found = await visit.find_stale(aliases=not request.exact)
        return replace(_from_cache(question, found, visit), stale=True) if found.answer else None


def _new(completion: "Completion") -> Answer:
    return Answer(
        answer_id=new_answer_id(),
        text=completion.text,
        model=completion.model,
        created=time.time_ns() // 1_000_000,
        cost=completion.cost,
    )


def _way(reply: Reply) -> str:
    """Say how a request was served: see `counting.WAYS`."""
    if reply.stale or reply.degraded:
        return "stale" if reply.stale else "degraded"
    if reply.answer is None:
        return "no_notes"
    return reply.match or reply.tier or "none"


def _from_cache(question: Question, found: "Found", visit: "Visit", match: str = "exact") -> Reply:
    if found.answer is None:  # nothing to answer from, as a search has found before
        return Reply(question, None, (), "l3", None, visit.status)
    return Reply(
        question,
        found.answer,
        found.sources or (),
        "l1",
        match,
        visit.status,
        matched=found.matched,
        similarity=found.similarity,
        alias=found.alias,
    )
