"""What people ask and get: 20 questions a user, five chunks of real prose and an answer each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.answer import Answer, new_answer_id
from shared.cache.pipeline_id import Pipeline
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

PIPELINE = Pipeline("sentence-transformers/all-MiniLM-L6-v2", DIMENSIONS, "a model", CHUNKS)
_SUBJECTS = ("faith", "grace", "hope", "mercy", "peace", "trust", "truth", "glory")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and everything that is found and written for it."""

    user_id: str
    question: str
    embedding: NDArray[np.float32]
    """As a model gives it: a unit vector."""
    sources: tuple[Source, ...]
    answer: str

    @property
    def vector(self) -> Vector:
        """The canonical embedding."""
        return canonical(self.embedding)

    def written(self) -> Answer:
        """The answer, as a model wrote it just now."""
        return Answer(new_answer_id(), self.answer, "a model", time.time_ns() // 1_000_000, 0.00026)

    def anew(self, number: int) -> "Asked":
        """Another question of another user, with another embedding, that finds the same."""
        embedding = np.roll(self.embedding, number)
        user_id = str(number // QUESTIONS_PER_USER)
        return replace(self, user_id=user_id, question=question(number), embedding=embedding)

    async def keep(self, redis_client: RedisClient, settings: Settings) -> None:
        """Let it miss, and be kept."""
        session = open_session(redis_client, settings, self.user_id, self.question)
        await session.lookup()
        if not await session.store(self.vector, self.sources, self.written()):
            raise RuntimeError("the cache did not keep an answer")


class InstantModels:
    """Embedder, note store and answerer in one, none of which takes time."""

    model = PIPELINE.embedding_model
    dimensions = DIMENSIONS

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Draw a vector for each text, far from every other: nothing is near what is asked."""
        seeds = (crc32(text.encode()) for text in texts)
        draws = (np.random.default_rng(seed).standard_normal(DIMENSIONS) for seed in seeds)
        return [canonical(draw) for draw in draws]

    async def search(self, user_id: str, embedding: Vector, k: int) -> list[Source]:
        return list(self._asked.sources)

    async def answer(self, question: str, sources: object) -> Completion:
        return Completion(self._asked.answer, self.model, cost=0.00026)

    async def aclose(self) -> None:
        """Nothing is open."""


def settings_for(url: str) -> Settings:
    """The settings of a cache that is waited for: a time-out here would hide a slow one."""
    return Settings(redis_url=url, redis_timeout=5)


def open_session(
    redis_client: RedisClient, settings: Settings, user_id: str, question: str
) -> CacheSession:
    """Begin one question's use of the cache."""
    return CacheSession(
        redis_client, settings, user_id=user_id, question=question, pipeline=PIPELINE
    )


def workload(count: int) -> list[Asked]:
    """Make `count` questions with their answers, always the same ones; none without prose."""
    text = prose()
    return list(islice(_questions(text, CHUNK_CHARACTERS, ANSWER_CHARACTERS), count if text else 0))


def brief_workload(count: int) -> list[Asked]:
    """Make `count` questions with answers of a few words, where only their number matters."""
    return list(islice(_questions("In the beginning was the Word", 8, 12), count))


def question(number: int) -> str:
    """A question of about 50 characters, in normal form."""
    first, second = (_SUBJECTS[number // 8**place % 8] for place in (0, 1))
    return f"what do my notes say of {first} and of {second} {number:07d}"


@cache
def prose() -> str:
    """The sermons beside the checkout, one after the other; empty where there are none."""
    folder = DATA / "notes" / "sermons"
    text = "\n\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.md")))
    if not text:
        print("skipped: the real notes are not beside this checkout (../shared/data/notes)")
    return text


def _questions(text: str, chunk_characters: int, answer_characters: int) -> Iterator[Asked]:
    generator = np.random.default_rng(1)

    def passage(length: int) -> str:
        start = int(generator.integers(len(text) - length))
        return text[start : start + length]

    number = 0
    while True:
        embedding = generator.standard_normal(DIMENSIONS).astype(np.float32)
        similarities = np.sort(generator.uniform(0.3, 0.9, CHUNKS))[::-1]
        notes = generator.integers(1_000, size=CHUNKS)
        yield Asked(
            user_id=str(number // QUESTIONS_PER_USER),
            question=question(number),
            embedding=embedding / np.linalg.norm(embedding),
            sources=tuple(
                Source(f"sermon-{note}#{place}", f"sermon-{note}", passage(chunk_characters), score)
                for place, (note, score) in enumerate(
                    zip(notes.tolist(), similarities.tolist(), strict=True)
                )
            ),
            answer=passage(answer_characters),
        )
        number += 1
