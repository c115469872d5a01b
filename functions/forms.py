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
    """How the container fares; without a cache it answers, too."""

    status: Literal["healthy", "degraded"]
    cache_available: bool
    redis_ping: Literal["OK", "unavailable", "off"]
