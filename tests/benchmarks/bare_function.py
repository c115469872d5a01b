"""The smallest FastAPI function behind Mangum: parse a question, send one GET, respond."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response
from mangum import Mangum
from pydantic import BaseModel

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Question(BaseModel):
    """The request body."""

    query: str


app = FastAPI()
handler = Mangum(app, lifespan="off")


@app.post("/assistant/query")
async def answer(question: Question) -> Response:
    """Return the value that Redis stores under the question."""
    body: Any = await _client().get(question.query)
    return Response(body, media_type="application/json")


@cache
def _client() -> "Redis":
    # Imported lazily, because import times are compared with the import time of this module.
    from redis.asyncio import Redis  # noqa: PLC0415

    return Redis.from_url(os.environ["REDIS_CACHE_URL"])
