"""Events of API Gateway (versions 1.0 and 2.0) and of load balancers: well-made, and not."""

import base64
import copy
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.support.fuzzing.values import bodies, changes, json_values, raw_bodies, texts
from tests.support.tokens import token

_NOTHING: Mapping[str, str] = {}
_EVENTS = Path(__file__).parents[2] / "events"
KINDS = ("http_api_v2", "rest_v1", "alb")
SCOPES = "notes:write stats:read"
ROUTES = (
    *(("POST", "/assistant/query"), ("POST", "/assistant/feedback"), ("POST", "/notes/changes")),
    *(("GET", "/assistant/cache-stats"), ("GET", "/metrics"), ("GET", "/health")),
)
# A load balancer verifies nobody: Ann brings her token herself. It outlasts any run.
_BEARER = f"Bearer {token(scope=SCOPES, exp=int(time.time()) + 86_400)}"
_MADE = {kind: json.loads((_EVENTS / f"{kind}.json").read_text("utf-8")) for kind in KINDS}


def event(
    kind: str,
    *,
    path: str = "/assistant/query",
    method: str = "POST",
    body: str | bytes | None = None,
    query: Mapping[str, str] = _NOTHING,
    headers: Mapping[str, str] = _NOTHING,
) -> dict[str, Any]:
    """An event as the gateway makes it: bytes go in base64; it verified Ann, or she has a token."""
    made: dict[str, Any] = copy.deepcopy(_MADE[kind])
    made["isBase64Encoded"] = isinstance(body, bytes)
    made["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    bearing = {"authorization": _BEARER} if kind == "alb" else _NOTHING
    made["headers"] |= {**bearing, **headers}
    if kind == "http_api_v2":
        made["rawPath"], context = path, made["requestContext"]
        context["http"] |= {"method": method, "path": path}
        made["rawQueryString"] = "&".join(f"{name}={value}" for name, value in query.items())
        context["authorizer"]["jwt"]["claims"]["scope"] = SCOPES
    else:
        made |= {"httpMethod": method, "path": path, "queryStringParameters": dict(query) or None}
        if kind == "rest_v1":
            made["requestContext"]["authorizer"]["claims"]["scope"] = SCOPES
            made["multiValueHeaders"] = {name: [v] for name, v in made["headers"].items()}
    return made


_HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "host", "cache-control", "authorization", "content-encoding"])
    | st.sampled_from(["tracestate", "x-correlation-id", "x-amzn-trace-id", "x-forwarded-for"])
    | st.sampled_from(["x-tercet-user", "x-forwarded-port", "ce-id", "cookie", "traceparent"]),
    texts
    | st.sampled_from(["application/json", "no-cache", "no-store", "max-age=0", "[", "a:b:c"]),
    max_size=2,
)
_PATHS = texts | st.sampled_from(
    ["/assistant/query/", "//evil.example/", "/nothing", "/%00", "/?#"]
)
_DIGITS = ("1", "90", "9" * 9, "9" * 4_300, "9" * 4_301)
_NUMBERS = st.builds(
    lambda noughts, digits: "0" * noughts + digits,
    st.sampled_from([0, 1, 8, 20, 5_000]),
    st.text("0123456789", max_size=20) | st.sampled_from(_DIGITS),
)
_DAYS = st.fixed_dictionaries({"days": _NUMBERS}) | st.dictionaries(
    st.sampled_from(["days", "x"]), texts, max_size=2
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Events that a gateway could send: each part may be hostile, the form is right."""
    method, path = draw(st.sampled_from(ROUTES))
    kind = draw(st.sampled_from(KINDS))
    made = event(
        kind,
        method=method if draw(st.integers(0, 9)) else draw(texts),
        path=path if draw(st.integers(0, 9)) else draw(_PATHS),
        body=draw(changes if "notes" in path else bodies | raw_bodies | st.none()),
        query=draw(_DAYS),
        headers=draw(_HEADERS) if draw(st.booleans()) else _NOTHING,
    )
    if kind == "alb" and draw(st.booleans()):
        _list_values(made)
    return made


def _list_values(made: dict[str, Any]) -> None:
    """What a load balancer sends where its target group asks for values in lists."""
    for name, plural in (
        ("headers", "multiValueHeaders"),
        ("queryStringParameters", "multiValueQueryStringParameters"),
    ):
        made[plural] = {each: [value] for each, value in (made.pop(name) or {}).items()}


_CLAIMS = st.dictionaries(
    st.sampled_from(["sub", "scope", "scp", "cognito:groups", "email", "email_verified"]),
    st.sampled_from([7, True, 0.5]) | json_values,
    min_size=1,
    max_size=2,
)
# Mangum looks for these words in whatever is there, a string too.
_CONTEXTS = st.sampled_from(["elb", ["elb"], "elb requestId", {"elb": 7}, {"elb": 7, "http": 7}])


def _claims_of(made: dict[str, Any]) -> dict[str, Any] | None:
    """The claims that the gateway verified, if it does so at all."""
    authorizer = made["requestContext"].get("authorizer", {})
    claims: dict[str, Any] | None = authorizer.get("jwt", authorizer).get("claims")
    return claims


@st.composite
def broken_events(draw: st.DrawFn) -> Any:
    """Events that no gateway sends: something is missing in them, or is of another kind.

    What whoever signs a token wrote into it comes through a gateway as it is, of any kind too.
    """
    made: Any = draw(events())
    claims = _claims_of(made)
    match draw(st.sampled_from("abcdef")):
        case "a":
            return made | {"requestContext": draw(_CONTEXTS)}
        case "b" | "c" | "d" if claims:
            claims |= draw(_CLAIMS)
            return made
    for _ in range(draw(st.integers(1, 3))):
        at = made
        while isinstance(at, dict) and at:
            name = draw(st.sampled_from(sorted(at)))
            if not isinstance(at[name], dict) or not draw(st.integers(0, 2)):
                if draw(st.booleans()):
                    del at[name]
                else:
                    at[name] = draw(json_values)
                break
            at = at[name]
    return made


not_of_http = json_values | st.sampled_from(
    [{"Records": []}, {"Records": 5}, {"Records": [{"cf": 1}]}, {"source": "aws.events"}]
)
"""Events of something else altogether."""
