"""Finds what a user can do about a request that a model host refuses."""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.inference.endpoint import Endpoint

_TOO_LONG = re.compile(
    r"context.?(?:length|window|size)|too (?:long|large|many tokens)|size of tensor|max_model_len"
    r"|(?:maximum|less than|fewer than|at most).{0,30}(?:length|tokens)"
    r"|reduce.{0,30}(?:length|prompt|input)"
    r"|exceeds?.{0,60}(?:tokens|context|length|limit)|string_above_max_length",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    "token|context|prompt|input|message|length|text|tensor|max_model_len", re.IGNORECASE
)
_BATCH = re.compile(r"batch.?size \d+ >|maximum allowed batch", re.IGNORECASE)
_UNKNOWN_MODEL = re.compile(
    r"model.{0,80}(?:not found|not exist|not (?:a|been|available|loaded|supported)|unsupported"
    r"|unknown|invalid|deprecated|retired)|(?:unknown|invalid|no such|unsupported).{0,20}model"
    r"|not a valid model|does not support (?:chat|generate|embed)|model_not_(?:found|supported)",
    re.IGNORECASE,
)
_OTHER_API = re.compile(
    r"missing field|field required|unknown field|unrecognized request|extra (?:fields|inputs)"
    r"|\b(?:inputs?|messages|prompt)\b.{0,30}(?:required|missing|provided)|(?:missing|required|provide).{0,30}"
    r"\b(?:inputs?|messages|prompt)\b|method not allowed",
    re.IGNORECASE,
)
_WRONG_TOKEN = re.compile(
    r"(?:invalid|incorrect|wrong) api.?key|api.?key (?:is )?(?:not valid|invalid)", re.IGNORECASE
)
RAISE_LIMIT = "Raise ANSWER_MAX_TOKENS, or lower LLM_REASONING_EFFORT."
_LENGTHS = {"chat": "PROMPT_CONTEXT_TOKENS or ANSWER_MAX_TOKENS", "embeddings": "CHUNK_WORDS"}
_PATHS = {
    "chat": ("/chat/completions",),
    "embeddings": ("/embeddings", "/embed", "/pipeline/feature-extraction"),
}
_UNVERSIONED = frozenset({"/chat/completions", "/embeddings"})
_ACCOUNT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
_INVALID = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


def find_remedy(endpoint: "Endpoint", status: int, message: str, *, has_token: bool) -> str:
    """Return a sentence with the remedy, or an empty string.

    Args:
        endpoint: the model.
        status: of the response, or that its body names.
        message: the host's message and error codes.
        has_token: whether the request had a token.
    """
    if status in _ACCOUNT:
        return _account_remedy(endpoint, status, has_token=has_token)
    if _WRONG_TOKEN.search(message):
        return _account_remedy(endpoint, HTTPStatus.UNAUTHORIZED, has_token=has_token)
    prefix, path = endpoint.prefix, endpoint.url.path.rstrip("/")
    paths, lower = _PATHS[endpoint.operation], f"lower {_LENGTHS[endpoint.operation]}"
    is_other_path = path in _UNVERSIONED or not path.endswith(paths)
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    too_long = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or is_too_long(message)
    model = f"Set {prefix}_MODEL to a model that this host serves for {endpoint.operation}"
    model_and_url = f"Set {prefix}_MODEL and {prefix}_URL to a model that this host serves"
    ends = " or ".join(f"/v1{each}" if each in _UNVERSIONED else each for each in paths)
    remedies = (
        (is_redirect, f"Set {prefix}_URL to the target of the redirect."),
        (_BATCH.search(message), "Let the host accept 32 texts in one request."),
        (too_long, f"Send less at once: {lower}."),
        (_UNKNOWN_MODEL.search(message), f"{model}."),
        (
            (status in _MISSING | _INVALID and is_other_path) or _OTHER_API.search(message),
            f"Set {prefix}_URL to the complete URL of this task, which ends in {ends}.",
        ),
        (status in _MISSING, f"{model_and_url} for this task."),
        (status in _INVALID, f"{model_and_url} for this task, or send less at once: {lower}."),
    )
    return next((remedy for applies, remedy in remedies if applies), "")


def is_too_long(message: str) -> bool:
    """Return whether a host's message names the length of the request as the reason."""
    return _TOO_LONG.search(message) is not None and _REQUEST.search(message) is not None


def _account_remedy(endpoint: "Endpoint", status: int, *, has_token: bool) -> str:
    token = f"{endpoint.vendor}_TOKEN"
    is_hugging_face = endpoint.url.host.endswith("huggingface.co")
    if not has_token and status != HTTPStatus.PAYMENT_REQUIRED:
        return f"Set {token}, or {token}_SECRET: the request had no token."
    if status == HTTPStatus.UNAUTHORIZED:
        return f"Set {token}, or the secret that {token}_SECRET names, to a valid token."
    if status == HTTPStatus.FORBIDDEN:
        permission = "the permission to call inference providers, and " if is_hugging_face else ""
        return f"Give {token} {permission}access to {endpoint.prefix}_MODEL."
    payer = f", or set {endpoint.vendor}_BILL_TO to an organisation that pays"
    return f"Add credits to the account{payer if is_hugging_face else ''}."
