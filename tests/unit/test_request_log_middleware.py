"""The request log middleware: the ids of a request's log line."""

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
def test_log_line_has_the_gateway_request_id_if_the_event_has_one(
    caplog: pytest.LogCaptureFixture, event: dict[str, Any], gateway: str | None
) -> None:
    caplog.set_level(logging.INFO)
    middleware = RequestLogMiddleware(ANSWER, error_response=lambda _: JSONResponse({}, 500))

    async def behind_gateway(scope: Any, receive: Any, send: Any) -> None:
        await middleware(scope | {"aws.event": event}, receive, send)

    assert TestClient(behind_gateway).get("/health").json() == {"answered": True}
    (line,) = [record for record in caplog.records if record.message == "request"]
    assert vars(line)["log_fields"].get("gateway_request_id") == gateway


def test_correlation_id_is_the_first_of_repeated_headers() -> None:
    client = TestClient(
        RequestLogMiddleware(ANSWER, error_response=lambda _: JSONResponse({}, 500))
    )
    response = client.get("/", headers=[("X-Correlation-Id", name) for name in ("first", "second")])
    assert response.headers["x-correlation-id"] == "first"
