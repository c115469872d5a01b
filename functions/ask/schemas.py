"""The forms of responses, for the OpenAPI document alone: nothing else loads them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class SourceBody(BaseModel):
    """A passage of a note that the answer rests on; `similarity` is a cosine."""

    chunk_id: str
    content: str
    note_id: str
    similarity: float


class Metadata(BaseModel):
    """Where the answer came from.

    `timestamp` is when it was written, in UTC, and `age` how many seconds ago that was. `tier`
    is the deepest that saved something: `l1` the answer, `l3` the search, `l2` the embedding.
    `truncated`: only the beginning of the question was taken. `matched_question` is the other
    wording that the answer was written for, and `similarity` their cosine. `refused`, for
    those who ask, says why another question's answer would not do. While the language model
    fails, an answer may be `stale`, past its time though no note changed that it depends on, or
    `extractive`, quoted from the notes and not kept.
    """

    query: str
    cached: bool
    timestamp: datetime
    tier: Literal["l1", "l2", "l3"] | None
    match: Literal["exact", "semantic"] | None
    matched_question: str | None
    similarity: float | None
    stale: bool
    extractive: bool
    age: int
    cache: Literal["ok", "unavailable", "off"]
    answer_id: str | None
    model: str | None
    truncated: bool
    refused: str | None = None


class AnswerBody(BaseModel):
    """An answer from the caller's own notes."""

    answer: str
    sources: list[SourceBody]
    metadata: Metadata
