"""Access control of every route of every function; routes are discovered, not listed."""

import hmac
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

import functions
from infra.local.commands.serve import build_local_app
from shared.container import Container
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.local_environment import write_notes
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.tokens import AUDIENCE, ISSUER, KEYS, Issuer, issuing, token, unsigned

PAGES = {"/", "/docs", "/playground", "/assistant/dashboard"}
OPEN = {"/health", "/openapi.json"} | PAGES
OPEN |= {f"/v1{path}" for path in OPEN}
"""Routes without authentication: health, the OpenAPI document, and pages without data."""

SCOPED = {
    "/assistant/cache-stats": "stats:read",
    "/metrics": "stats:read",
    "/notes/changes": "notes:write",
}
SCOPED |= {f"/v1{path}": scope for path, scope in SCOPED.items()}
QUERY = {"query": "What is the chief end of man?"}


def forgeries() -> dict[str, str]:
    """Tokens that were forged without the key, have expired, or are for another service."""
    scopes = {"scope": "notes:write stats:read"}
    claims = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300, **scopes}
    public = KEYS["RS256"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned_token = unsigned({"alg": "HS256", "kid": "RS256"}, claims).rpartition(".")[0]
    mac = hmac.digest(pem, unsigned_token.encode(), "sha256")
    other_key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return {
        "expired": token(exp=int(time.time()) - 60, **scopes),
        "without an expiry": token(exp=None, **scopes),
        "not yet valid": token(nbf=int(time.time()) + 600, **scopes),
        "without a subject": token(sub=None, **scopes),
        "of another issuer": token(iss="https://other.example/", **scopes),
        "without an issuer": token(iss=None, **scopes),
        "for another audience": token(aud="other", **scopes),
        "without an audience": token(aud=None, **scopes),
        "signed with another key": token(key=other_key, **scopes),
        "unsigned": unsigned({"alg": "none", "kid": "RS256"}, claims),
        "signed with the public key": unsigned({"alg": "HS256", "kid": "RS256"}, claims, mac),
        "not a token": "ann",
    }


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture
async def container(issuer: Issuer, valkey_url: str) -> AsyncIterator[Container]:
    settings = issuer.settings(redis_url=valkey_url, redis_timeout=5, embedding_dimensions=8)
    parts: Any = {"embedder": HashingEmbedder(), "answerer": SlowAnswerer()}
    opened = Container(settings, store=MemoryNoteStore(), **parts)
    yield opened
    await opened.aclose()


@lru_cache(maxsize=1)
def app_of(container: Container) -> FastAPI:
    """Return the complete app; to build one takes as long as several requests."""
    return build_local_app(container)


def routes(container: Container) -> list[tuple[str, str]]:
    """Method and path of every route of the complete app."""
    pairs = [
        (method, re.sub(r"\{.*?\}", "x", path))
        for path, route in walk(app_of(container).routes)
        for method in route.methods or ()
        if method != "HEAD"
    ]
    assert len(pairs) >= 16
    return pairs


def walk(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, Route]]:
    """Every route with its path, also below a prefix."""
    for route in routes:
        if isinstance(route, Mount):
            yield from walk(route.routes, prefix + route.path)
        else:
            assert isinstance(route, Route)
            yield prefix + route.path, route


async def send(
    container: Container, method: str, path: str, bearer: str | None = None, **options: Any
) -> httpx.Response:
    headers = {"X-Tercet-User": "ann"} | options.pop("headers", {})
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if method == "POST" and not options:
        options["json"] = QUERY
    transport = httpx.ASGITransport(app_of(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, headers=headers, **options)


async def test_every_route_except_open_ones_requires_a_valid_token(container: Container) -> None:
    bearers = {"no token": None, **forgeries()}
    for method, path in routes(container):
        for name, bearer in bearers.items():
            response = await send(container, method, path, bearer)
            if path in OPEN:
                assert response.status_code in {200, 307}, path
                break
            assert response.status_code == 401, (method, path, name)
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["www-authenticate"] == "Bearer"
            assert bearer is None or bearer not in response.text


async def test_routes_over_all_users_require_their_scope(
    container: Container,
) -> None:
    served = {path for _, path in routes(container)}
    assert set(SCOPED) <= served
    for method, path in routes(container):
        for scopes in ("", "openid", "stats:reader", "notes:writer"):
            status = (await send(container, method, path, token(scope=scopes))).status_code
            assert (status == 403) is (path in SCOPED), (method, path, scopes)
        if path in SCOPED:
            allowed = await send(container, method, path, token(scope=SCOPED[path]))
            assert allowed.status_code in {200, 422}, "only the scope was missing"


async def test_open_routes_hold_no_user_data(container: Container) -> None:
    await write_notes(container, "ann")
    await send(container, "POST", "/assistant/query", token())
    for path in OPEN & {path for _, path in routes(container)}:
        text = (await send(container, "GET", path)).text
        assert "glorify" not in text
        assert "chief end" not in text
        assert '"ann"' not in text


async def test_user_is_the_token_subject_regardless_of_other_inputs(container: Container) -> None:
    await write_notes(container, "ann")
    options: list[dict[str, Any]] = [
        {"json": QUERY, "params": {"user_id": "ann", "sub": "ann"}},
        {"json": QUERY, "headers": {"X-Amzn-Oidc-Identity": "ann", "X-Forwarded-User": "ann"}},
        {"json": QUERY, "headers": {"Cookie": f"token={token()}"}},
    ]
    for each in options:
        response = await send(container, "POST", "/assistant/query", token(sub="eve"), **each)
        assert response.json()["sources"] == []
    named = QUERY | {"user_id": "ann"}
    refused = await send(container, "POST", "/assistant/query", token(sub="eve"), json=named)
    assert refused.status_code == 422
    assert "user_id" in refused.json()["detail"]


async def test_user_cannot_remove_another_users_answer(container: Container) -> None:
    await write_notes(container, "abe")
    answer = (await send(container, "POST", "/assistant/query", token(sub="abe"))).json()
    verdict = {"answer_id": answer["metadata"]["answer_id"], "verdict": "wrong"}
    path = "/assistant/feedback"
    assert (await send(container, "POST", path, token(sub="eve"), json=verdict)).status_code == 404
    again = (await send(container, "POST", "/assistant/query", token(sub="abe"))).json()
    assert again["metadata"]["cached"]
    own = await send(container, "POST", path, token(sub="abe"), json=verdict)
    assert own.status_code == 204


def test_discovered_routes_include_those_of_every_function(container: Container) -> None:
    """Other servers combine the same routes."""
    walked = {path for path, _ in walk(app_of(container).routes)}
    names = [module.name for module in walk_packages(functions.__path__, "functions.")]
    modules = [import_module(name) for name in names if not name.endswith(".handler")]
    builders = [module.build_routes for module in modules if hasattr(module, "build_routes")]
    assert len(builders) >= 4
    for build_routes in builders:
        paths = {path for path, _ in walk(build_routes(container).router.routes)}
        assert paths <= walked
        assert {f"/v1{path}" for path in paths} <= walked
