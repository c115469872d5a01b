"""One question's whole way, read from top to bottom."""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.answer import Answer, new_answer_id
from shared.errors import InferenceError, InferenceTimeoutError
from shared.question import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.cache.visit import Visit
    from shared.inference.model import Answerer, Embedder
    from shared.notes.note import Source
    from shared.notes.store import NoteStore

NO_NOTES = "You have no notes yet, so there is nothing to answer from. Add a note, then ask again."


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks.

    `fresh` asks for a new answer, which then takes the place of the cached one; `traceless`
    neither reads nor leaves anything in the cache. `seconds` is how long an answer may take.
    """

    user_id: str
    query: str
    fresh: bool = False
    traceless: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, the passages that it rests on, and where both came from.

    `answer` is None where there are no notes to answer from. `tier` is the deepest saving: `l1`
    (nothing was paid), `l3` (no search), `l2` (no embedding) or None; `match` says how an l1
    answer was found; `cache` how the cache fared; `stored` whether whoever asks next finds it.
    """

    question: Question
    answer: Answer | None
    sources: "Sequence[Source]"
    tier: str | None
    match: str | None
    cache: str
    stored: bool = False


class Assistant:
    """Answers questions from their asker's notes, and pays for each answer once."""

    def __init__(
        self,
        *,
        open_visit: "Callable[[Request, Question], Visit]",
        embedder: "Embedder",
        store: "NoteStore",
        answerer: "Answerer",
        retrieved_chunks: int,
        seconds: float,
    ) -> None:
        """`seconds` is how long an answer may take where the request does not say."""
        self._open_visit = open_visit
        self._embedder = embedder
        self._store = store
        self._answerer = answerer
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
        deadline = asyncio.get_running_loop().time() + (request.seconds or self._seconds)
        visit = self._open_visit(request, question)

        # Round trip 1: has it been answered?
        found = await visit.look_up(only_fence=request.fresh)
        if found.answer:
            return self._from_cache(question, visit, found.answer, found.sources or ())

        # Round trip 2: its embedding, the user's other questions, and who answers it.
        survey = await visit.survey()
        while not survey.ours and not request.fresh:
            found = await visit.wait(deadline)
            if found.answer:
                return self._from_cache(question, visit, found.answer, found.sources or ())
            if asyncio.get_running_loop().time() >= deadline:
                raise InferenceTimeoutError("the same question is still being answered; ask again")
            survey = await visit.survey()

        async with visit.flight():
            vector = survey.vector
            if vector is None:
                (vector,) = await self._embedder.embed([question.normal], deadline=deadline)
            sources = found.sources
            if sources is None:
                sources = await self._store.search(request.user_id, vector, self._k)
            if not sources:
                return Reply(question, None, (), None, None, visit.status)
            try:
                completion = await self._answerer.answer(
                    question.normal, sources, deadline=deadline
                )
            except InferenceError:
                # Whoever tries again pays for neither the embedding nor the search.
                await visit.keep(vector, sources, None)
                raise
            answer = Answer(
                answer_id=new_answer_id(),
                text=completion.text,
                model=completion.model,
                created=time.time_ns() // 1_000_000,
                cost=completion.cost,
            )
            # The last round trip: kept, unless the user's notes changed since the first.
            stored = await visit.keep(vector, sources, answer)
        tier = "l3" if found.sources is not None else "l2" if survey.vector is not None else None
        return Reply(question, answer, sources, tier, None, visit.status, stored)

    @staticmethod
    def _from_cache(
        question: Question, visit: "Visit", answer: Answer, sources: "Sequence[Source]"
    ) -> Reply:
        return Reply(question, answer, sources, "l1", "exact", visit.status)
