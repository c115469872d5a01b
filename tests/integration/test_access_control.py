"""Every route of every function, asked by people who may not: none can be forgotten here."""

import hmac
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.routing import Route

import functions
from infra.local.commands.serve import build_local_app
from shared.container import Container
from tests.support.asking import write_notes
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.stores import MemoryNoteStore
from tests.support.tokens import AUDIENCE, ISSUER, KEYS, Issuer, issuing, token, unsigned

PAGES = {"/", "/playground", "/assistant/dashboard"}
OPEN = {"/health", "/openapi.json"} | PAGES
"""What anybody may see: whether it works, what it understands, and pages that hold no data."""

SCOPED = {
    "/assistant/cache-stats": "stats:read",
    "/metrics": "stats:read",
    "/notes/changes": "notes:write",
}
QUERY = {"query": "What is the chief end of man?"}


def forgeries() -> dict[str, str]:
    """Tokens that somebody without a key could make, or that were good once or elsewhere."""
    scopes = {"scope": "notes:write stats:read"}
    claims = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300, **scopes}
    public = KEYS["RS256"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with_mac = unsigned({"alg": "HS256", "kid": "RS256"}, claims).rpartition(".")[0]
    mac = hmac.digest(pem, with_mac.encode(), "sha256")
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return {
        "expired": token(exp=int(time.time()) - 60, **scopes),
        "without an end": token(exp=None, **scopes),
        "not yet valid": token(nbf=int(time.time()) + 600, **scopes),
        "of nobody": token(sub=None, **scopes),
        "another issuer's": token(iss="https://other.example/", **scopes),
        "of no issuer": token(iss=None, **scopes),
        "for another audience": token(aud="other", **scopes),
        "for no audience": token(aud=None, **scopes),
        "signed with another key": token(key=stranger, **scopes),
        "unsigned": unsigned({"alg": "none", "kid": "RS256"}, claims),
        "signed with the public key": unsigned({"alg": "HS256", "kid": "RS256"}, claims, mac),
        "no token": "ann",
    }


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as made:
        yield made


@pytest.fixture
async def container(issuer: Issuer, valkey_url: str) -> AsyncIterator[Container]:
    settings = issuer.settings(redis_url=valkey_url, redis_timeout=5, embedding_dimensions=8)
    parts: Any = {"embedder": HashingEmbedder(), "answerer": SlowAnswerer()}
    made = Container(settings, store=MemoryNoteStore(), **parts)
    yield made
    await made.aclose()


def routes(container: Container) -> list[tuple[str, str]]:
    """Method and path of everything that the whole app answers to."""
    found = [
        (method, re.sub(r"\{.*?\}", "x", route.path))
        for route in walk(build_local_app(container).routes)
        for method in route.methods or ()
        if method != "HEAD"
    ]
    assert len(found) >= 8
    return found


def walk(routes: Iterable[Any]) -> Iterator[Route]:
    for route in routes:
        if isinstance(route, Route):
            yield route
        else:  # FastAPI keeps an included router whole
            yield from walk(route.original_router.routes)


async def send(
    container: Container, method: str, path: str, bearer: str | None = None, **options: Any
) -> httpx.Response:
    headers = {"X-Tercet-User": "ann"} | options.pop("headers", {})
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if method == "POST" and not options:
        options["json"] = QUERY
    transport = httpx.ASGITransport(build_local_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, headers=headers, **options)


async def test_every_route_but_those_that_tell_nothing_needs_a_user(container: Container) -> None:
    for method, path in routes(container):
        for name, bearer in {"nobody": None, **forgeries()}.items():
            response = await send(container, method, path, bearer)
            if path in OPEN:
                assert response.status_code in {200, 307}, path
                break
            assert response.status_code == 401, (method, path, name)
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["www-authenticate"] == "Bearer"
            assert bearer is None or bearer not in response.text


async def test_what_concerns_everybody_needs_a_scope_that_users_do_not_have(
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
            assert allowed.status_code in {200, 422}, "the scope is what was missing"


async def test_what_is_open_says_nothing_of_anybody(container: Container) -> None:
    await write_notes(container, "ann")
    await send(container, "POST", "/assistant/query", token())
    for path in OPEN & {path for _, path in routes(container)}:
        text = (await send(container, "GET", path)).text
        assert "glorify" not in text
        assert "chief end" not in text
        assert '"ann"' not in text


async def test_the_user_is_the_tokens_whatever_else_says_otherwise(container: Container) -> None:
    await write_notes(container, "ann")
    others: list[dict[str, Any]] = [
        {"json": QUERY, "params": {"user_id": "ann", "sub": "ann"}},
        {"json": QUERY, "headers": {"X-Amzn-Oidc-Identity": "ann", "X-Forwarded-User": "ann"}},
        {"json": QUERY, "headers": {"Cookie": f"token={token()}"}},
    ]
    for other in others:
        response = await send(container, "POST", "/assistant/query", token(sub="eve"), **other)
        assert response.json()["sources"] == []
    told = QUERY | {"user_id": "ann"}
    refused = await send(container, "POST", "/assistant/query", token(sub="eve"), json=told)
    assert refused.status_code == 422
    assert "user_id" in refused.json()["detail"]


async def test_nobody_can_remove_anothers_answer(container: Container) -> None:
    await write_notes(container, "abe")
    answer = (await send(container, "POST", "/assistant/query", token(sub="abe"))).json()
    verdict = {"answer_id": answer["metadata"]["answer_id"], "verdict": "wrong"}
    path = "/assistant/feedback"
    assert (await send(container, "POST", path, token(sub="eve"), json=verdict)).status_code == 404
    again = (await send(container, "POST", "/assistant/query", token(sub="abe"))).json()
    assert again["metadata"]["cached"]
    own = await send(container, "POST", path, token(sub="abe"), json=verdict)
    assert own.status_code == 204


def test_the_walk_meets_every_part_that_a_function_offers(container: Container) -> None:
    """Other servers put the same parts together in other ways."""
    walked = {route.path for route in walk(build_local_app(container).routes)}
    names = [found.name for found in walk_packages(functions.__path__, "functions.")]
    modules = [import_module(name) for name in names if not name.endswith(".handler")]
    parts = [module.build_routes for module in modules if hasattr(module, "build_routes")]
    assert len(parts) >= 4
    for part in parts:
        assert {route.path for route in part(container).router.routes} <= walked
