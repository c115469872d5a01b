"""What the OpenAPI document says of the health check: see `functions/http/documentation.py`."""

from dataclasses import asdict

from functions.http.documentation import Operation
from shared.health import Health

_HEALTHY = Health(
    status="healthy",
    cache_available=True,
    redis_ping="OK",
    cache="ok",
    store="ok",
    model="ok",
    breaker="closed",
    problems=[],
)

OPERATIONS = {
    "GET /v1/health": Operation(
        "getHealth", "operations", is_public=True, response_examples={"healthy": asdict(_HEALTHY)}
    ),
}
