"""The least that a function of FastAPI behind Mangum can do: read a question, GET, respond."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response
from mangum import Mangum
from pydantic import BaseModel

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Question(BaseModel):
    """What is asked."""

    query: str


app = FastAPI()
handler = Mangum(app, lifespan="off")


@app.post("/assistant/query")
async def answer(question: Question) -> Response:
    """Respond with what is kept under the question's own words."""
    body: Any = await _client().get(question.query)
    return Response(body, media_type="application/json")


@cache
def _client() -> "Redis":
    # Imported with the first question, since import times are measured against this module's.
    from redis.asyncio import Redis  # noqa: PLC0415

    return Redis.from_url(os.environ["REDIS_CACHE_URL"])
