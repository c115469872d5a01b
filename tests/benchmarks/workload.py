"""The benchmark workload: 20 questions per user, each with five chunks of prose and an answer."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.answer import Answer, new_answer_id
from shared.cache.pipeline_id import PipelineId
from shared.cache.redis.client import RedisClient
from shared.cache.session import CacheSession
from shared.inference.ports import Completion
from shared.notes.note import Source
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.data import DATA

QUESTIONS_PER_USER = 20
DIMENSIONS = 384
CHUNKS = 5
CHUNK_CHARACTERS = 800
ANSWER_CHARACTERS = 1_200

PIPELINE = PipelineId("sentence-transformers/all-MiniLM-L6-v2", DIMENSIONS, "a model", CHUNKS)
_SUBJECTS = ("faith", "grace", "hope", "mercy", "peace", "trust", "truth", "glory")


@dataclass(frozen=True, slots=True)
class WorkloadItem:
    """One question with its embedding, retrieved chunks and generated answer."""

    user_id: str
    question: str
    embedding: NDArray[np.float32]
    """The embedder's output: a unit vector."""
    sources: tuple[Source, ...]
    answer: str

    @property
    def vector(self) -> Vector:
        """The canonical embedding."""
        return canonical(self.embedding)

    def to_answer(self) -> Answer:
        """Return the answer as if a model had just generated it."""
        return Answer(new_answer_id(), self.answer, "a model", time.time_ns() // 1_000_000, 0.00026)

    def variant(self, number: int) -> "WorkloadItem":
        """Return the same sources for another user, question and embedding."""
        embedding = np.roll(self.embedding, number)
        user_id = str(number // QUESTIONS_PER_USER)
        return replace(self, user_id=user_id, question=question(number), embedding=embedding)

    async def store(self, redis_client: RedisClient, settings: Settings) -> None:
        """Store the answer in the cache after a miss."""
        session = open_session(redis_client, settings, self.user_id, self.question)
        await session.lookup()
        if not await session.store(self.vector, self.sources, self.to_answer()):
            raise RuntimeError("the cache did not store an answer")


class InstantModels:
    """An embedder, note store and answerer without latency."""

    model = PIPELINE.embedding
    dimensions = DIMENSIONS

    def __init__(self, item: WorkloadItem) -> None:
        self._item = item

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return a random vector for each text, so that no cached question is a candidate."""
        seeds = (crc32(text.encode()) for text in texts)
        draws = (np.random.default_rng(seed).standard_normal(DIMENSIONS) for seed in seeds)
        return [canonical(draw) for draw in draws]

    async def search(
        self, user_id: str, embedding: Vector, k: int, tags: object = ()
    ) -> list[Source]:
        return list(self._item.sources)

    async def answer(self, question: str, sources: object, **_: object) -> Completion:
        return Completion(self._item.answer, self.model, cost=0.00026)

    async def aclose(self) -> None:
        """Do nothing: there are no resources to close."""


def settings_for(url: str) -> Settings:
    """Return settings with a long Redis time-out: a short one would hide slow replies."""
    return Settings(redis_url=url, redis_timeout=5)


def open_session(
    redis_client: RedisClient, settings: Settings, user_id: str, question: str
) -> CacheSession:
    """Open a cache session for one question."""
    return CacheSession(
        redis_client, settings, user_id=user_id, question=question, pipeline=PIPELINE
    )


def workload(count: int) -> list[WorkloadItem]:
    """Return `count` items, the same in each run; none if the prose is not available."""
    text = prose()
    return list(islice(_questions(text, CHUNK_CHARACTERS, ANSWER_CHARACTERS), count if text else 0))


def short_workload(count: int) -> list[WorkloadItem]:
    """Return `count` items with short texts, for benchmarks that depend on their number only."""
    return list(islice(_questions("In the beginning was the Word", 8, 12), count))


def question(number: int) -> str:
    """Return a question of about 50 characters, in canonical form."""
    first, second = (_SUBJECTS[number // 8**place % 8] for place in (0, 1))
    return f"what do my notes say of {first} and of {second} {number:07d}"


@cache
def prose() -> str:
    """Return all sermons of the data directory; an empty string if there are none."""
    folder = DATA / "notes" / "sermons"
    text = "\n\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.md")))
    if not text:
        print("skipped: ../shared/data/notes is not available")
    return text


def _questions(text: str, chunk_characters: int, answer_characters: int) -> Iterator[WorkloadItem]:
    generator = np.random.default_rng(1)

    def passage(length: int) -> str:
        start = int(generator.integers(len(text) - length))
        return text[start : start + length]

    number = 0
    while True:
        embedding = generator.standard_normal(DIMENSIONS).astype(np.float32)
        similarities = np.sort(generator.uniform(0.3, 0.9, CHUNKS))[::-1]
        notes = generator.integers(1_000, size=CHUNKS)
        yield WorkloadItem(
            user_id=str(number // QUESTIONS_PER_USER),
            question=question(number),
            embedding=embedding / np.linalg.norm(embedding),
            sources=tuple(
                Source(
                    f"sermon-{note}#{place}",
                    f"sermon-{note}",
                    passage(chunk_characters),
                    score,
                    f"Sermon {note}",
                    f"Part {place}",
                )
                for place, (note, score) in enumerate(
                    zip(notes.tolist(), similarities.tolist(), strict=True)
                )
            ),
            answer=passage(answer_characters),
        )
        number += 1
