"""The gateway handler: malformed events get a problem document, other events an exception."""

import asyncio
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import JSONResponse

from functions.http.gateway import GatewayHandler
from shared.errors import InvalidRequestError
from tests.support.fuzzing.gateway_events import KINDS, gateway_event

CONTEXT: Any = SimpleNamespace(aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef")


@pytest.fixture
def gateway() -> Iterator[GatewayHandler]:
    """A handler of an app that answers every request."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield GatewayHandler(JSONResponse({"answered": True}))
    asyncio.set_event_loop(None)
    loop.close()


MALFORMED: dict[str, dict[str, Any]] = {
    "truncated base64": {"body": "abc", "isBase64Encoded": True},
    "lone surrogate": {"body": "\ud83d"},
    "number as body": {"body": 7},
    "null context": {"requestContext": None},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("members", MALFORMED.values(), ids=MALFORMED)
def test_malformed_event_gets_a_400_problem_and_one_log_line(
    gateway: GatewayHandler, caplog: pytest.LogCaptureFixture, kind: str, members: dict[str, Any]
) -> None:
    response = gateway(gateway_event(kind) | members, CONTEXT)
    assert response["statusCode"] == 400
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json.loads(response["body"])["instance"].endswith(CONTEXT.aws_request_id)
    assert ("multiValueHeaders" in response) is (kind == "rest_v1")
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(line)["log_fields"]["request_id"] == CONTEXT.aws_request_id


@pytest.mark.parametrize("host", ["[::1]:8000", "a:b:c", "a:b"])
def test_invalid_host_header_does_not_fail(gateway: GatewayHandler, host: str) -> None:
    """A load balancer forwards its client's Host header."""
    assert gateway(gateway_event("alb", headers={"host": host}), CONTEXT)["statusCode"] in {
        200,
        400,
    }


@pytest.mark.parametrize(
    "event", [{}, None, [], {"Records": [{"body": "secret"}]}, {"source": "secret"}]
)
def test_non_http_event_is_not_acknowledged_and_not_quoted(
    gateway: GatewayHandler, event: Any
) -> None:
    """A response would acknowledge the messages of a queue."""
    with pytest.raises(InvalidRequestError, match="HTTP events") as refusal:
        gateway(event, CONTEXT)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("kind", KINDS)
def test_body_is_decoded_from_text_and_base64(kind: str) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    bodies = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        bodies.append((await receive())["body"])
        await JSONResponse({})(scope, receive, send)

    gateway = GatewayHandler(app)
    for body in ("\u00e9\u0000", "\u00e9\u0000".encode(), b"\xff\x00"):
        gateway(gateway_event(kind, body=body), CONTEXT)
    assert bodies == ["\u00e9\u0000".encode(), "\u00e9\u0000".encode(), b"\xff\x00"]
    asyncio.set_event_loop(None)
    loop.close()
