"""Events of API Gateway (payload versions 1.0 and 2.0) and load balancers, valid and malformed."""

import base64
import copy
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.support.fuzzing.hostile_values import (
    binary_bodies,
    change_bodies,
    json_values,
    question_bodies,
    texts,
)
from tests.support.tokens import token

_NO_ITEMS: Mapping[str, str] = {}
_EVENTS = Path(__file__).parents[2] / "events"
KINDS = ("http_api_v2", "rest_v1", "alb")
SCOPES = "notes:write stats:read"
ROUTES = (
    *(("POST", "/assistant/query"), ("POST", "/assistant/feedback"), ("POST", "/notes/changes")),
    *(("GET", "/assistant/cache-stats"), ("GET", "/metrics"), ("GET", "/health")),
    *(("GET", "/v1/notes"), ("GET", "/v1/notes/n"), ("PUT", "/v1/notes/n")),
    ("DELETE", "/v1/notes/n"),  # without the deletion of the user, whose notes are asked about
)
# A load balancer has no JWT authorizer, so the request carries a token, valid for a day.
_BEARER = f"Bearer {token(scope=SCOPES, exp=int(time.time()) + 86_400)}"
_SAMPLES = {kind: json.loads((_EVENTS / f"{kind}.json").read_text("utf-8")) for kind in KINDS}


def gateway_event(
    kind: str,
    *,
    path: str = "/assistant/query",
    method: str = "POST",
    body: str | bytes | None = None,
    query: Mapping[str, str] = _NO_ITEMS,
    headers: Mapping[str, str] = _NO_ITEMS,
) -> dict[str, Any]:
    """A valid event of user ann; bytes are sent in base64."""
    event: dict[str, Any] = copy.deepcopy(_SAMPLES[kind])
    event["isBase64Encoded"] = isinstance(body, bytes)
    event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    authorization = {"authorization": _BEARER} if kind == "alb" else _NO_ITEMS
    event["headers"] |= {**authorization, **headers}
    context = event["requestContext"]
    if kind == "http_api_v2":
        event["rawPath"] = path
        context["http"] |= {"method": method, "path": path}
        event["rawQueryString"] = "&".join(f"{name}={value}" for name, value in query.items())
        context["authorizer"]["jwt"]["claims"]["scope"] = SCOPES
    else:
        event |= {"httpMethod": method, "path": path, "queryStringParameters": dict(query) or None}
    if kind == "rest_v1":
        context["authorizer"]["claims"]["scope"] = SCOPES
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return event


_headers = st.dictionaries(
    st.sampled_from(
        [
            *("content-type", "host", "cache-control", "authorization", "content-encoding"),
            *("tracestate", "traceparent", "x-correlation-id", "x-amzn-trace-id", "cookie"),
            *("x-forwarded-for", "x-forwarded-port", "x-tercet-user", "ce-id"),
            *("if-match", "if-none-match"),
        ]
    ),
    texts
    | st.sampled_from(["application/json", "no-cache", "no-store", "max-age=0", "[", "a:b:c"]),
    max_size=2,
)
_paths = texts | st.sampled_from(
    ["/assistant/query/", "//evil.example/", "/nothing", "/%00", "/?#"]
)
_numbers = st.builds(
    lambda zeros, digits: "0" * zeros + digits,
    st.sampled_from([0, 1, 8, 20, 5_000]),
    st.text("0123456789", max_size=20)
    | st.sampled_from(["1", "90", "9" * 9, "9" * 4_300, "9" * 4_301]),
)
_queries = st.fixed_dictionaries({"days": _numbers, "limit": _numbers}) | st.dictionaries(
    st.sampled_from(["days", "limit", "cursor", "x"]), texts, max_size=2
)


@st.composite
def hostile_events(draw: st.DrawFn) -> dict[str, Any]:
    """Events that a gateway could send, with hostile contents."""
    method, path = draw(st.sampled_from(ROUTES))
    kind = draw(st.sampled_from(KINDS))
    bodies = (
        change_bodies if path == "/notes/changes" else question_bodies | binary_bodies | st.none()
    )
    event = gateway_event(
        kind,
        method=method if draw(st.integers(0, 9)) else draw(texts),
        path=path if draw(st.integers(0, 9)) else draw(_paths),
        body=draw(bodies),
        query=draw(_queries),
        headers=draw(_headers) if draw(st.booleans()) else _NO_ITEMS,
    )
    if kind == "alb" and draw(st.booleans()):  # a target group with multi-value headers
        for name in ("headers", "queryStringParameters"):
            plural = f"multiValue{name[0].upper()}{name[1:]}"
            event[plural] = {each: [value] for each, value in (event.pop(name) or {}).items()}
    return event


_claims = st.dictionaries(
    st.sampled_from(["sub", "scope", "scp", "cognito:groups", "email", "email_verified"]),
    st.sampled_from([7, True, 0.5]) | json_values,
    min_size=1,
    max_size=2,
)
# Mangum looks for these words in any container, also in a string.
_CONTEXTS = ("elb", ["elb"], "elb requestId", {"elb": 7}, {"elb": 7, "http": 7})


@st.composite
def malformed_events(draw: st.DrawFn) -> Any:
    """Events with missing or mistyped members, and verified claims of any type."""
    event: Any = draw(hostile_events())
    authorizer = event["requestContext"].get("authorizer", {})
    claims = authorizer.get("jwt", authorizer).get("claims")
    match draw(st.sampled_from(["context", "claims", "claims", "claims", "member", "member"])):
        case "context":
            return event | {"requestContext": draw(st.sampled_from(_CONTEXTS))}
        case "claims" if claims:
            claims |= draw(_claims)
            return event
    for _ in range(draw(st.integers(1, 3))):
        parent = event
        while isinstance(parent, dict) and parent:
            name = draw(st.sampled_from(sorted(parent)))
            if not isinstance(parent[name], dict) or not draw(st.integers(0, 2)):
                if draw(st.booleans()):
                    del parent[name]
                else:
                    parent[name] = draw(json_values)
                break
            parent = parent[name]
    return event


non_http_events = json_values | st.sampled_from(
    [{"Records": []}, {"Records": 5}, {"Records": [{"cf": 1}]}, {"source": "app.notes"}]
)
"""Events of other services, and any JSON."""
