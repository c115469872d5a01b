"""The outermost ring: whatever else an event holds, its request gets its answer and its line."""

import logging
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from functions.http.middleware import RequestLogMiddleware

ANSWER = JSONResponse({"answered": True})


@pytest.mark.parametrize(
    ("event", "gateway"),
    [
        ({"requestContext": {"requestId": "JKJaXmPLvHcESHA="}}, "JKJaXmPLvHcESHA="),
        *[({"requestContext": context}, None) for context in ("requestId", 7, None, ["requestId"])],
        ({}, None),
    ],
)
def test_a_line_has_the_gateways_name_for_its_request_where_there_is_one(
    caplog: pytest.LogCaptureFixture, event: dict[str, Any], gateway: str | None
) -> None:
    caplog.set_level(logging.INFO)
    ring = RequestLogMiddleware(ANSWER, error_response=lambda _: JSONResponse({}, 500))

    async def behind_gateway(scope: Any, receive: Any, send: Any) -> None:
        await ring(scope | {"aws.event": event}, receive, send)

    assert TestClient(behind_gateway).get("/health").json() == {"answered": True}
    (line,) = [record for record in caplog.records if record.message == "request"]
    assert vars(line)["log_fields"].get("gateway_request_id") == gateway
