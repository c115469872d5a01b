"""Errors: with an HTTP status, inside HTTP 200, or in place of JSON."""

from typing import Any

from tests.support.host_replies.host_reply import HostReply


def _status(status: int, description: str, outcome: str, body: Any = None) -> HostReply:
    error = body if body is not None else {"error": "Boom"}
    return HostReply(f"{status} {description}", description, "chat", error, outcome, status)


def _ok(name: str, description: str, body: Any, outcome: str) -> HostReply:
    return HostReply(name, description, "chat", body, outcome)


def _in_200(body: Any, outcome: str) -> HostReply:
    return _ok(str(body), "sends an error with status 200", body, outcome)


_NO_WAY = "error: Set HF_CHAT_MODEL and HF_CHAT_URL to a model that this host serves for this task"
_OTHER_MODEL = "error: Set HF_CHAT_MODEL to a model that this host serves for chat"
_LESS = "error: Send less at once: lower PROMPT_CONTEXT_TOKENS or ANSWER_MAX_TOKENS"

_STATUSES = (
    _status(307, "redirects", "error: Set HF_CHAT_URL to the target of the redirect"),
    _status(400, "refuses the request", f"{_NO_WAY}, or send less at once"),
    _status(401, "refuses the token", "error: Set HF_TOKEN, or the secret that HF_TOKEN_SECRET"),
    _status(402, "requires payment", "error: Add credits to the account"),
    _status(403, "forbids the model", "error: Give HF_TOKEN access to HF_CHAT_MODEL"),
    _status(404, "does not find it", _NO_WAY),
    _status(405, "expects another method", _NO_WAY),
    _status(413, "received too much", _LESS),
    _status(422, "refuses the request", f"{_NO_WAY}, or send less at once"),
    _status(501, "does not implement this", "error: answered 501"),
    _status(408, "timed out", "retried"),
    _status(409, "is in conflict", "retried"),
    _status(424, "has a failing backend (text-embeddings-inference)", "retried"),
    _status(425, "refuses early data", "retried"),
    _status(429, "limits the rate", "retried"),
    _status(499, "reports a closed connection (nginx)", "retried"),
    _status(500, "failed", "retried"),
    _status(502, "has no backend", "retried", "<html><h1>Bad Gateway</h1></html>"),
    _status(503, "is loading the model", "retried"),
    _status(504, "timed out at a gateway", "retried"),
    *(_status(status, "is behind a failing Cloudflare", "retried") for status in range(520, 529)),
    HostReply(
        "429 undefined charset",
        "names a charset that does not exist",
        "chat",
        "Busy",
        "retried",
        429,
        {"Content-Type": "text/plain; charset=undefined"},
    ),
    _status(529, "is overloaded (Anthropic)", "retried", {"error": {"type": "overloaded_error"}}),
    _status(
        429,
        "has no credits left (OpenAI)",
        "error: Add credits to the account",
        {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}},
    ),
    _status(
        404,
        "does not have the model (Ollama)",
        _OTHER_MODEL,
        {"error": {"message": 'model "x" not found, try pulling it first'}},
    ),
    _status(
        400,
        "does not have the model (Hugging Face)",
        _OTHER_MODEL,
        {"error": {"message": "The requested model 'x' is not a chat model."}},
    ),
    _status(
        400,
        "has a shorter context (vLLM)",
        _LESS,
        {
            "object": "error",
            "message": "This model's maximum context length is 512 tokens.",
            "code": 400,
        },
    ),
    _status(
        400,
        "has a shorter context (llama.cpp)",
        _LESS,
        {"error": {"code": 400, "message": "the request exceeds the available context size"}},
    ),
    _status(
        422,
        "serves another API",
        "error: Set HF_CHAT_URL to the complete URL of this task, which ends in"
        " /v1/chat/completions",
        {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required"}]},
    ),
    _status(
        400,
        "refuses the token (Google)",
        "error: Set HF_TOKEN, or the secret",
        [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}],
    ),
)

_INSIDE_200 = (
    _in_200({"error": {"code": 429, "message": "Provider returned error"}}, "retried"),
    _in_200({"error": {"code": "429", "message": "Busy, retry in 7s"}}, "retried after 7 s"),
    _in_200({"error": {"type": "rate_limit_exceeded", "message": "Busy"}}, "retried"),
    _in_200({"error": {"status": "RESOURCE_EXHAUSTED"}, "choices": []}, "retried"),
    _in_200({"error": "Model is overloaded", "error_type": "overloaded"}, "retried"),
    _in_200({"error": "late trouble"}, "retried"),
    _in_200([{"error": {"code": 503, "status": "UNAVAILABLE"}}], "retried"),
    _in_200({"object": "error", "message": "Out of memory", "code": 500}, "retried"),
    _in_200({"detail": "Internal server error"}, "retried"),
    _in_200({"status": 503, "title": "Service Unavailable"}, "retried"),
    _in_200({"errors": [{"message": "Boom"}]}, "retried"),
    _in_200({"code": 429, "msg": "Busy", "data": None}, "retried"),
    _in_200({"code": "Throttling.RateQuota", "message": "Busy", "choices": None}, "retried"),
    _in_200({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, "retried"),
    _in_200({"error": {"code": 401, "message": "No"}}, "error: failed with 401. Set HF_TOKEN"),
    _in_200({"object": "error", "message": "No", "type": "BadRequestError"}, f"{_NO_WAY}, or send"),
    _in_200({"error": {"code": "context_length_exceeded", "message": "No"}}, _LESS),
    _in_200({"error": {"code": "insufficient_quota"}}, "error: Add credits to the account"),
)

_NOT_JSON = (
    _ok("malformed JSON", "cut the reply", '{"choices": [{"mess', "error: malformed JSON"),
    _ok(
        "text after JSON",
        "sends text after the JSON",
        '{"choices": []} and more',
        "error: malformed JSON",
    ),
    _ok("HTML", "sends a web page", "<!DOCTYPE html><p>Hello", "error: an HTML page"),
    _ok("text", "sends a text", "Hello", "error: plain text"),
    _ok("empty", "sends nothing", "", "error: an empty body"),
)

ERRORS = _STATUSES + _INSIDE_200 + _NOT_JSON
