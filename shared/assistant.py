"""One question's whole way, read from top to bottom."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from shared.answer import Answer, new_answer_id
from shared.errors import BreakerOpenError, InferenceError, InferenceTimeoutError
from shared.question import Question
from shared.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.cache.found import Found
    from shared.cache.visit import Visit
    from shared.inference.model import Answerer, Completion, Embedder
    from shared.matching.matcher import Matcher
    from shared.notes.note import Source
    from shared.notes.store import NoteStore
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


class Parts(Protocol):
    """What answering takes; each part is made when it is first asked for. A hit needs none."""

    @property
    def embedder(self) -> "Embedder":
        """What embeds questions."""

    @property
    def store(self) -> "NoteStore":
        """Where the notes are."""

    @property
    def answerer(self) -> "Answerer":
        """What writes answers."""

    @property
    def sharing_answerer(self) -> "Answerer":
        """The same, where equal calls share one answer."""

    @property
    def quoting_answerer(self) -> "Answerer | None":
        """What answers while the language model is left alone, if anything is to."""

    @property
    def matcher(self) -> "Matcher":
        """What tells whether another question's answer serves."""


class Assistant:
    """Answers questions from their asker's notes, and pays for each answer once."""

    def __init__(
        self,
        parts: Parts,
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
        except Exception:
            visit.end("failed")
            raise
        visit.end(_way(reply))
        return reply

    async def _answer(self, request: Request, question: Question, visit: "Visit") -> Reply:
        deadline = asyncio.get_running_loop().time() + (request.seconds or self._seconds)

        # Round trip 1: has it been answered?
        with step("look_up"):
            found = await visit.look_up(only_fence=request.fresh, aliases=not request.exact)
        if found.answer:
            return _from_cache(question, found, visit)

        sources = found.sources
        try:
            # Round trip 2: its embedding, the user's other questions, and who answers it.
            with step("survey"):
                survey = await visit.survey()
            while not survey.ours and not request.fresh:
                with step("wait"):
                    found = await visit.wait(deadline, aliases=not request.exact)
                if found.answer:
                    return _from_cache(question, found, visit)
                if asyncio.get_running_loop().time() >= deadline:
                    raise InferenceTimeoutError("this is still being answered; ask again")
                sources = found.sources
                with step("survey"):
                    survey = await visit.survey()

            async with visit.flight():
                vector = survey.vector
                if vector is None:
                    with step("embed"):
                        vector = await self._embed(question, deadline)
                if sources is None:
                    with step("search"):
                        sources = await self._parts.store.search(request.user_id, vector, self._k)
                if not sources:
                    return Reply(question, None, (), None, None, visit.status)

                # Round trip 3, where another question is near: does its answer serve this one?
                match = None
                if survey.others and not (request.fresh or request.exact):
                    with step("match"):
                        match = await self._parts.matcher.match(
                            question.normal,
                            vector,
                            sources,
                            survey.others,
                            visit,
                            deadline=deadline,
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
        except BreakerOpenError:
            reply = await self._make_do(request, question, visit, sources, deadline)
            if reply is None:
                raise
            return reply

        tier = "l3" if found.sources is not None else "l2" if survey.vector is not None else None
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
        if not request.fresh:
            with step("find_stale"):
                found = await visit.find_stale(aliases=not request.exact)
            if found.answer:
                return replace(_from_cache(question, found, visit), stale=True)
        answerer = self._parts.quoting_answerer
        if not (sources and answerer):
            return None
        # Its embeddings come from where the trouble may be; it does without, too.
        soon = min(deadline, asyncio.get_running_loop().time() + _QUOTE_SECONDS)
        with step("quote"):
            answer = _new(await answerer.answer(question.normal, sources, deadline=soon))
        return Reply(question, answer, sources, None, None, visit.status, degraded=True)


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
    return reply.match or reply.tier or ("none" if reply.answer else "no_notes")


def _from_cache(question: Question, found: "Found", visit: "Visit", match: str = "exact") -> Reply:
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
