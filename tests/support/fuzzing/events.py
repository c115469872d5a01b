"""Events of API Gateway (versions 1.0 and 2.0) and of load balancers: well-made, and not."""

import base64
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.support.fuzzing.values import bodies, changes, json_values, raw_bodies, texts

_NOTHING: Mapping[str, str] = {}
_EVENTS = Path(__file__).parents[2] / "events"
KINDS = ("http_api_v2", "rest_v1", "alb")
SCOPES = "notes:write stats:read"
ROUTES = (
    *(("POST", "/assistant/query"), ("POST", "/assistant/feedback"), ("POST", "/notes/changes")),
    *(("GET", "/assistant/cache-stats"), ("GET", "/metrics"), ("GET", "/health")),
)
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
    """An event as the gateway makes it: bytes go in base64; where it can, it verified Ann."""
    made: dict[str, Any] = copy.deepcopy(_MADE[kind])
    made["isBase64Encoded"] = isinstance(body, bytes)
    made["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    made["headers"] |= headers
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
_DAYS = st.dictionaries(st.sampled_from(["days", "x"]), texts | st.sampled_from("139"), max_size=2)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Events that a gateway could send: each part may be hostile, the form is right."""
    method, path = draw(st.sampled_from(ROUTES))
    return event(
        draw(st.sampled_from(KINDS)),
        method=method if draw(st.integers(0, 9)) else draw(texts),
        path=path if draw(st.integers(0, 9)) else draw(_PATHS),
        body=draw(changes if "notes" in path else bodies | raw_bodies | st.none()),
        query=draw(_DAYS),
        headers=draw(_HEADERS) if draw(st.booleans()) else _NOTHING,
    )


@st.composite
def broken_events(draw: st.DrawFn) -> Any:
    """Events that no gateway sends: something is missing in them, or is of another kind."""
    made: Any = draw(events())
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
