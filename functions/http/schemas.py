"""The forms of what every function may say, for the OpenAPI document alone."""

from typing import Literal

from pydantic import BaseModel


class Problem(BaseModel):
    """What went wrong (RFC 9457).

    `detail` says what would be right, `instance` names this occurrence.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str


class HealthBody(BaseModel):
    """How the container fares; it is degraded where a part is away, and goes on without it.

    `store` is null where the function uses none. The model is not asked: it is failing while
    the circuit breaker is open.
    """

    status: Literal["healthy", "degraded"]
    cache_available: bool
    redis_ping: Literal["OK", "unavailable", "off"]
    cache: Literal["ok", "unavailable", "off"]
    store: Literal["ok", "unavailable"] | None
    model: Literal["ok", "failing"]
    breaker: Literal["closed", "open", "half-open"]
