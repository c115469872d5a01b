"""What the OpenAPI document says beyond the routes: names, security, examples, headers, problems.

Loaded with the first request for the document. https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions.http.auth.local_mode import USER_HEADER
from functions.http.problems import PROBLEM_MEDIA_TYPE
from shared.errors import TercetError

if TYPE_CHECKING:
    from shared.settings import Settings

_JSON = "application/json"
_ALWAYS = (401, 403, 500, 503)
"""Status codes of every operation that authenticates its caller."""

TAGS = {
    "questions": "Answers from the caller's own notes.",
    "notes": "Changes of notes. Each response comes when no later answer can use the former note.",
    "operations": "Statistics of all users, and the health of the service.",
}

_STATUSES = {
    400: "The body is not JSON.",
    401: "Credentials are missing or invalid.",
    403: "The caller lacks a permission.",
    404: "There is no such resource.",
    409: "A newer change is stored.",
    412: "The note is not the version that `If-Match` or `If-None-Match` requires.",
    413: "The body is too long.",
    415: "The body is not JSON in UTF-8, or it is compressed.",
    422: "A field of the request is invalid.",
    429: "The user's budget of generated answers for this day is used up.",
    500: "Tercet is misconfigured or has a defect; the log of this correlation id has the reason.",
    502: "The language model returned no usable answer.",
    503: "Redis, the note store or a model is unavailable.",
    504: "The language model did not answer in time.",
}
_PHRASES = {400: "Bad Request", 413: "Content Too Large", 415: "Unsupported Media Type"}
"""Statuses without an error class: RFC 9457 calls their type `about:blank`."""

_STATUS_HEADERS = {
    401: ("WWW-Authenticate",),
    415: ("Accept-Encoding",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

_HEADERS = {
    "X-Correlation-Id": "The caller's `X-Correlation-Id`, or the id of the request's log line.",
    "Cache-Status": "Whether the cache had the answer (RFC 9211), such as `Tercet; hit; ttl=600`.",
    "Retry-After": "Seconds after which the request may succeed.",
    "ETag": "The version of the note, for `If-Match`.",
    "WWW-Authenticate": "The authentication scheme, `Bearer`.",
    "Accept-Encoding": "The encoding of bodies that is accepted, `identity`, if it was the reason.",
}

_CORRELATION_PARAMETER = {
    "name": "X-Correlation-Id",
    "in": "header",
    "description": "An id of the caller for logs: at most 128 visible ASCII characters.",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What the document says of an operation.

    `operation_id` is the name in generated clients. `problems` are its status codes besides those
    that all have. `scope` is what the token must have, None if any token will do. `examples` of
    requests and responses are JSON values by name. `headers` are those of its successful response.
    `parameters` are header parameters.
    """

    operation_id: str
    tag: str
    problems: tuple[int, ...] = ()
    scope: str | None = None
    is_public: bool = False
    request_examples: Mapping[str, Any] = field(default_factory=dict)
    response_examples: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    parameters: tuple[Mapping[str, Any], ...] = ()


def complete(
    document: dict[str, Any], operations: Mapping[str, Operation], settings: "Settings"
) -> None:
    """Add to a document what it says beyond the routes.

    Args:
        document: the document that FastAPI generated.
        operations: by method and path, such as `GET /v1/notes`.
        settings: authentication and the base path.
    """
    document["info"] |= {
        "summary": "Answers from a user's own notes, cached, and never from an old note.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
    document["servers"] = [{"url": settings.base_path or "/"}]
    for path, methods in document["paths"].items():
        for method, generated in methods.items():
            _describe(generated, operations[f"{method.upper()} {path}"])
    used = {
        tag
        for methods in document["paths"].values()
        for each in methods.values()
        for tag in each["tags"]
    }
    document["tags"] = [
        {"name": name, "description": text} for name, text in TAGS.items() if name in used
    ]
    document["components"] |= {
        "securitySchemes": {"user": _security_scheme(settings)},
        "headers": {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        },
        "responses": {f"Problem{status}": _problem_response(status) for status in _STATUSES},
    }


def _security_scheme(settings: "Settings") -> dict[str, str]:
    if settings.local_mode:
        description = "Local mode: the header names the user, and nothing verifies it."
        return {"type": "apiKey", "in": "header", "name": USER_HEADER, "description": description}
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the configured issuer. Its subject is the user.",
    }


def _describe(generated: dict[str, Any], operation: Operation) -> None:
    generated["operationId"] = operation.operation_id
    generated["tags"] = [operation.tag]
    # A generated client shows the first sentence; FastAPI derives it from the function's name.
    summary = generated.get("description", "").partition("\n")[0]
    generated["summary"] = summary.partition(".")[0].partition(";")[0]
    generated["security"] = (
        [] if operation.is_public else [{"user": [*filter(None, [operation.scope])]}]
    )
    parameters = generated.setdefault("parameters", [])
    parameters += [*operation.parameters, _CORRELATION_PARAMETER]
    if "requestBody" in generated:
        _add_examples(generated["requestBody"], operation.request_examples)
    for status, response in generated["responses"].items():
        if status.startswith("2"):
            response.setdefault("description", "The request succeeded.")
            _add_examples(response, operation.response_examples)
            _add_headers(response, ("X-Correlation-Id", *operation.headers))
    statuses = () if operation.is_public else (*_ALWAYS, *operation.problems)
    for status in sorted(statuses):
        generated["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}


def _add_examples(body: dict[str, Any], examples: Mapping[str, Any]) -> None:
    if examples and _JSON in body.get("content", {}):
        named = {
            name.replace(" ", "_"): {"summary": name, "value": value}
            for name, value in examples.items()
        }
        body["content"][_JSON]["examples"] = named


def _add_headers(response: dict[str, Any], names: tuple[str, ...]) -> None:
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem_response(status: int) -> dict[str, Any]:
    """Return the response of a status, with an example of each problem type that it has."""
    titles = {_PHRASES[status]: ""} if status in _PHRASES else dict(reversed([*_titles(status)]))
    examples = {}
    for title, detail in titles.items():
        slug = title.lower().replace(" ", "-")
        kind = "about:blank" if status in _PHRASES else f"urn:problem-type:tercet:{slug}"
        value = {
            "type": kind,
            "title": title,
            "status": status,
            "detail": detail or _STATUSES[status],
            "instance": "urn:uuid:2b7e1516-28ae-4d2a-a6ab-f7158809cf4f",
        }
        examples[slug] = {"summary": kind, "value": value}
    schema = {"$ref": "#/components/schemas/Problem"}
    response: dict[str, Any] = {
        "description": _STATUSES[status],
        "content": {PROBLEM_MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
    _add_headers(response, ("X-Correlation-Id", *_STATUS_HEADERS.get(status, ())))
    return response


def _titles(status: int) -> Iterator[tuple[str, str]]:
    """Yield the titles of the errors with a status, and what each means."""
    pending: list[type[TercetError]] = [TercetError]
    while pending:
        error = pending.pop()
        pending += error.__subclasses__()
        if error.status == status:
            yield error.title, (error.__doc__ or "").partition("\n")[0]
