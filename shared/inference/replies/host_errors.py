"""Translates errors of the model hosts into the errors of `shared.errors`.

Hosts send messages in many forms: `{"error": "…"}`, a list there, `{"error": {"message": "…"}}`,
`{"errors": [{"message": "…"}]}`, `{"detail": …}`, plain text, a proxy's HTML page, or only the
header `X-Error-Message`. Some send an error in a response 200.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.errors import (
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
    TokenLimitError,
    UnusableCompletionError,
)
from shared.inference.replies.known_names import known_name
from shared.inference.replies.remedies import RAISE_LIMIT, find_remedy, is_too_long
from shared.inference.replies.reply_body import body_kind, body_text
from shared.inference.replies.retry_after import read_retry_after
from shared.inference.token_auth import sent_token

if TYPE_CHECKING:
    import httpx

    from shared.inference.endpoint import Endpoint

_MAX_NAMES = 2
_MAX_CODE_CHARACTERS = 100
_MAX_MESSAGE_CHARACTERS = 4_000
_MAX_DEPTH = 6
_MESSAGE_KEYS = ("message", "error", "errors", "detail", "msg")
_RESULT_KEYS = ("choices", "data", "embeddings", "embedding")
_NOISE = re.compile(r"[\W_]+")
_STATUS = re.compile("[45][0-9]{2}")

# Names of other than RFC 9110: 499 is nginx's, 520 to 530 are Cloudflare's, 529 is also
# Anthropic's, 598 and 599 are of proxies.
_TIMEOUTS = frozenset({408, 499, 504, 522, 524, 598, 599})
_UNAVAILABLE = frozenset({409, 425, 429, 502, 503, *range(520, 531)})
_FAILED = frozenset({424})  # text-embeddings-inference: the backend failed
_NOT_RETRIED = frozenset({501, 505})

# Azure refuses prompts, OpenRouter's moderation answers 403, and reasoning models of OpenAI answer
# 400 if they reach the token limit before they write.
_FILTERED = re.compile(
    r"content.?(?:filter|management|policy)|responsible.?ai|flagged|moderation|data_inspection",
    re.IGNORECASE,
)
_OUTPUT_LIMIT = re.compile(r"output limit was reached|higher max_(?:completion_)?tokens")

_INVALID = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_OPTIONAL = re.compile(
    r"\b(?:temperature|seed|max_tokens|max_completion_tokens|reasoning_effort|dimensions"
    r"|encoding_format|normalize|truncate|stream|stream_options)\b"
)
"""Parameters of our requests that some hosts do not know."""

_NO_THINKING = re.compile("not support thinking", re.IGNORECASE)  # Ollama, of `reasoning_effort`

_CODE_KEYS = frozenset({"code", "status", "statuscode", "httpcode", "type", "errortype"})
_CODE_NAMES = {
    "insufficient(?:quota|balance|funds)|currentquota|billing|credit|payment": 402,
    "ratelimit|toomanyrequests|resourceexhausted|throttl|quota": 429,
    "overload|unavailable|loading|capacity|unhealthy": 503,
    "timeout|deadline": 504,
    "unauth|authentication|apikey": 401,
    "permission|forbidden": 403,
    "notfound": 404,
    "contextlength|toolarge|toolong": 413,
    "invalid|badrequest|validation": 400,
}


def read_error(
    endpoint: "Endpoint", response: "httpx.Response", reply: Any
) -> InferenceError | None:
    """Create the error that a response is, or return None.

    The call is worth a retry unless it is an `InferenceRefusedError`. The error's message contains
    statuses and known codes only: the host's own message may quote the request.

    Args:
        endpoint: the model.
        response: the response.
        reply: its decoded body.
    """
    named = next(_named_statuses(reply), None)
    if not response.is_success:
        # An exhausted budget is a 429 at OpenAI, but no wait ends it.
        status = 402 if named == HTTPStatus.PAYMENT_REQUIRED else response.status_code
        answered = f"answered {response.status_code}"
    elif _is_error(reply):
        status = named or HTTPStatus.INTERNAL_SERVER_ERROR
        answered = f"failed with {named}" if named else "failed"
    else:
        return None
    kind = "" if reply is not None else body_kind(response)
    reason = error_message(reply) or response.headers.get("X-Error-Message", "")
    if not reason and kind == "plain text":
        reason = body_text(response)
    reason = reason[:_MAX_MESSAGE_CHARACTERS]
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and is_too_long(reason):  # llama.cpp
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    codes = [*_codes(reply), response.headers.get("X-Error-Code")]
    names = [*dict.fromkeys(filter(None, map(known_name, codes)))][:_MAX_NAMES]
    shown = ", ".join(names) or kind
    message = f"{endpoint} {answered}" + (f": {shown}." if shown else ".")
    wait = read_retry_after(response, reply, status)
    if status in _TIMEOUTS:
        return InferenceTimeoutError(message, retry_after=wait)
    if status in _UNAVAILABLE:
        return InferenceUnavailableError(message, retry_after=wait)
    if status in _FAILED or (status >= 500 and status not in _NOT_RETRIED):  # noqa: PLR2004
        return InferenceError(message, retry_after=wait)
    details = f"{reason} {' '.join(map(str, codes))}"
    if endpoint.operation == "chat" and (unusable := _unusable(message, details)):
        return unusable
    remedy = find_remedy(endpoint, status, details, has_token=bool(sent_token(response)))
    error = InferenceRefusedError(f"{message} {remedy}".rstrip())
    if status in _INVALID:
        error.parameters = _refused_parameters(reason, reply)
        if is_too_long(details):  # `max_tokens` is too high, but known
            error.parameters -= {"max_tokens", "max_completion_tokens"}
    return error


def _unusable(message: str, details: str) -> UnusableCompletionError | None:
    """Return the error if the host names its content filter or the token limit."""
    if _FILTERED.search(details):
        return UnusableCompletionError(f"{message} The host's content filter applied.")
    return TokenLimitError(f"{message} {RAISE_LIMIT}") if _OUTPUT_LIMIT.search(details) else None


def error_message(body: Any, depth: int = _MAX_DEPTH) -> str:
    """Return the message in a decoded error body, or an empty string."""
    if isinstance(body, str):
        return body
    if isinstance(body, list) and depth:
        return "; ".join(filter(None, (error_message(each, depth - 1) for each in body)))
    if isinstance(body, dict) and depth:
        messages = (error_message(body.get(key), depth - 1) for key in _MESSAGE_KEYS)
        return next(filter(None, messages), "")
    return ""


def _is_error(reply: Any) -> bool:
    """Return whether the body of a response 200 is an error."""
    if isinstance(reply, list) and reply:
        return isinstance(reply[0], dict) and bool(reply[0].get("error"))
    if not isinstance(reply, dict):
        return False
    error = reply.get("error")
    if not any(reply.get(key) for key in _RESULT_KEYS):
        return bool(error or error_message(reply) or next(_named_statuses(reply), None))
    # A few hosts send an error without content beside each result.
    return bool(error_message(error) or next(_named_statuses({"error": error}), None))


def _named_statuses(reply: Any) -> Iterator[int]:
    """Yield the status of each code in an error body, such as `429` or `rate_limit_exceeded`."""
    for code in _codes(reply):
        if _STATUS.fullmatch(str(code)):
            yield int(code)
        name = _letters(str(code))
        yield from (status for names, status in _CODE_NAMES.items() if re.search(names, name))


def _codes(reply: Any, depth: int = _MAX_DEPTH) -> Iterator[Any]:
    """Yield the values of `code`, `status`, `type` and the like, the innermost first."""
    if isinstance(reply, list):
        reply = reply[0] if reply else None
    if not isinstance(reply, dict) or not depth:
        return
    yield from _codes(reply.get("error"), depth - 1)
    for key, value in reply.items():
        if _letters(key) in _CODE_KEYS and isinstance(value, int | str):
            yield value[:_MAX_CODE_CHARACTERS] if isinstance(value, str) else value


def _refused_parameters(reason: str, reply: Any) -> frozenset[str]:
    """Return the optional parameters of our requests that an error names."""
    named = frozenset(_OPTIONAL.findall(f"{reason} {_refused_fields(reply)}"))
    if _NO_THINKING.search(reason):
        named |= {"reasoning_effort"}
    if "stream_options" in named:  # the message may explain it by `stream`
        named -= {"stream"}
    return named


def _refused_fields(reply: Any) -> str:
    """Return what `param` (OpenAI) and `loc` (FastAPI) name."""
    match reply:
        case {"error": {"param": str(name)}} | {"param": str(name)}:
            return name
        case {"detail": [*items]}:
            places = (item.get("loc") for item in items if isinstance(item, dict))
            names = (name for place in places if isinstance(place, list) for name in place)
            return " ".join(name for name in names if isinstance(name, str))
    return ""


def _letters(text: str) -> str:
    return _NOISE.sub("", text).casefold()
