"""The dashboard's HTML page and its security headers."""

import re
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

from functions.stats.app import create_app
from shared.container import Container
from shared.settings import Settings


async def served(**settings: bool | str) -> httpx.Response:
    container = Container(Settings(cache_enabled=False, **settings))  # type: ignore[arg-type]  # of any field
    transport = httpx.ASGITransport(create_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get("/assistant/dashboard")


def directives(response: httpx.Response) -> dict[str, str]:
    policy = response.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (each.partition(" ") for each in policy)}


async def test_dashboard_needs_no_token() -> None:
    response = await served()
    assert (response.status_code, response.headers["content-type"]) == (
        200,
        "text/html; charset=utf-8",
    )
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_dashboard_loads_nothing_from_other_hosts() -> None:
    text = (await served()).text
    addresses = set(re.findall(r"(?:https?:)?//[a-z][\w.-]+\.\w+[^'\"\s)]*", text))
    assert addresses == {"http://www.w3.org/2000/svg"}, "an XML namespace, not a request"
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]* (?:src|href)=\"(?!data:)", text)


async def test_content_security_policy_allows_only_the_pages_scripts_and_styles() -> None:
    response = await served()
    policy = directives(response)
    for element, name in (("script", "script-src"), ("style", "style-src")):
        parts = re.findall(f"<{element}>(.*?)</{element}>", response.text, re.DOTALL)
        digests = [b64encode(sha256(part.encode()).digest()).decode() for part in parts]
        assert policy.pop(name).split() == [f"'sha256-{digest}'" for digest in digests] != []
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


@pytest.mark.parametrize(("local", "access"), [(False, "token"), (True, "local")])
async def test_dashboard_asks_for_a_token_except_in_local_mode(*, local: bool, access: str) -> None:
    assert f'<body data-access="{access}">' in (await served(local_mode=local)).text
