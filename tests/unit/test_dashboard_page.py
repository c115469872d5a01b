"""The dashboard's HTML page and its security headers."""

import json
import re
import tomllib
from base64 import b64encode
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import httpx
import pytest

from functions.stats import app
from functions.stats.app import create_app
from infra.cost import DEFAULT_INPUTS, load_inputs
from shared.container import Container
from shared.settings import Settings
from tests.support.colours import VISIONS, contrast, distance

DASHBOARD = Path(app.__file__).with_name("dashboard")


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


def test_prices_of_common_models_are_those_of_the_cost_calculation() -> None:
    script = (DASHBOARD / "tiles.js").read_text()
    shown = {
        name: json.loads(prices)
        for name, prices in re.findall(r'^  "([^"]+)": (\[[\d., ]+\]),$', script, re.MULTILINE)
    }
    models = tomllib.loads(DEFAULT_INPUTS.read_text("utf-8"))["models"]
    assert shown == {name: [each["prompt"], each["completion"]] for name, each in models.items()}
    inputs = load_inputs().base
    tokens = dict(re.findall(r"const (prompt|completion)Tokens = (\d+);", script))
    assert {f"{name}_tokens": float(number) for name, number in tokens.items()} == {
        name: inputs[name] for name in ("prompt_tokens", "completion_tokens")
    }


def colours_of(style: Path, scheme: str) -> dict[str, str]:
    """Return the colours that a style sheet names in a scheme."""
    light, dark = style.read_text().split("@media (prefers-color-scheme: dark)", 1)
    return dict(re.findall(r"--(\w+): (#\w{6});", light if scheme == "light" else dark))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_charts_can_be_told_apart(scheme: str) -> None:
    """Also by people who cannot see one of the three kinds of colour."""
    palette = colours_of(DASHBOARD / "style.css", scheme)
    card = colours_of(DASHBOARD.parents[1] / "http" / "base.css", scheme)["card"]
    assert set(palette) == {"exact", "coalesced", "semantic", "generated", "fallback", "failed"}
    for name, colour in palette.items():
        assert contrast(colour, card) >= 3, f"{name} on a card: WCAG 2.2, 1.4.11"
    for vision in VISIONS:
        for (one, colour), (other, another) in combinations(palette.items(), 2):
            assert distance(colour, another, vision) >= 0.1, f"{one}, {other}: {vision}"
