"""Events of gateways: what cannot be read is refused in the gateway's own form."""

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
    """Before an app that answers all it is asked."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield GatewayHandler(JSONResponse({"answered": True}))
    asyncio.set_event_loop(None)
    loop.close()


DAMAGE: dict[str, dict[str, Any]] = {
    "base64 that ends too early": {"body": "abc", "isBase64Encoded": True},
    "half an emoji": {"body": "\ud83d"},
    "a number for a body": {"body": 7},
    "no context": {"requestContext": None},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_an_event_that_cannot_be_read_is_a_bad_request_and_one_line_in_the_log(
    gateway: GatewayHandler, caplog: pytest.LogCaptureFixture, kind: str, damage: dict[str, Any]
) -> None:
    response = gateway(gateway_event(kind) | damage, CONTEXT)
    assert response["statusCode"] == 400
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json.loads(response["body"])["instance"].endswith(CONTEXT.aws_request_id)
    assert ("multiValueHeaders" in response) is (kind == "rest_v1")
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(line)["log_fields"]["request_id"] == CONTEXT.aws_request_id


@pytest.mark.parametrize("host", ["[::1]:8000", "a:b:c", "a:b"])
def test_a_host_that_is_none_is_no_reason_to_fail(gateway: GatewayHandler, host: str) -> None:
    """A load balancer passes on whatever its client says."""
    assert gateway(gateway_event("alb", headers={"host": host}), CONTEXT)["statusCode"] in {
        200,
        400,
    }


@pytest.mark.parametrize(
    "foreign", [{}, None, [], {"Records": [{"body": "secret"}]}, {"source": "secret"}]
)
def test_what_is_no_request_is_not_acknowledged_nor_quoted(
    gateway: GatewayHandler, foreign: Any
) -> None:
    """An answer would tell a queue that its messages are dealt with."""
    with pytest.raises(InvalidRequestError, match="HTTP events") as refusal:
        gateway(foreign, CONTEXT)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_come_in_as_text_or_in_base64(kind: str) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    heard = []

    async def listen(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["body"])
        await JSONResponse({})(scope, receive, send)

    gateway = GatewayHandler(listen)
    for body in ("\u00e9\u0000", "\u00e9\u0000".encode(), b"\xff\x00"):
        gateway(gateway_event(kind, body=body), CONTEXT)
    assert heard == ["\u00e9\u0000".encode(), "\u00e9\u0000".encode(), b"\xff\x00"]
    asyncio.set_event_loop(None)
    loop.close()
