"""Errors: with an HTTP status, inside HTTP 200, or in place of JSON."""

from typing import Any

from tests.support.host_replies.host_reply import HostReply


def _status(status: int, description: str, outcome: str, body: Any = None) -> HostReply:
    error = body if body is not None else {"error": "Boom"}
    return HostReply(f"status {status}", description, "chat", error, outcome, status)


def _page(name: str, description: str, body: str, outcome: str) -> HostReply:
    return HostReply(name, description, "chat", body, outcome)


ERRORS = (
    _status(308, "redirects", "error: Set HF_CHAT_URL to the target of the redirect"),
    _status(402, "wants to be paid", "error: Add credits to the account"),
    _status(408, "timed out", "retried"),
    _status(429, "limits the rate", "retried"),
    _status(500, "failed", "retried"),
    _status(501, "does not implement this", "error: answered 501"),
    _status(502, "has no backend", "retried", "<html><h1>Bad Gateway</h1></html>"),
    _status(503, "is loading the model", "retried"),
    _status(504, "timed out at a gateway", "retried"),
    _page("malformed JSON", "cut the reply", '{"choices": [{"mess', "error: malformed JSON"),
    _page("HTML", "sends a web page", "<!DOCTYPE html><p>Hello", "error: an HTML page"),
    _page("empty", "sends nothing", "", "error: an empty body"),
)
