"""The built functions on Lambda's emulator, with everything around them real and on loopback."""

import json
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.aws.emulator.function import EmulatedFunction, Invocation
from infra.aws.emulator.runtime import PYTHON, Runtime
from shared.errors import ConfigurationError
from tests.support.sam import sam_build

EVENTS = Path(__file__).parents[1] / "events"
_ARCHITECTURES = {"aarch64": "arm64"}


@cache
def runtime() -> Runtime:
    """Lambda's own parts, for the Python that is deployed; skips where one is not to be had."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPYCACHEPREFIX", raising=False)  # they are compiled where they are
        try:
            found = Runtime.prepare()
        except ConfigurationError as error:
            pytest.skip(str(error))
    if not found.deployed:
        pytest.skip(f"Python {PYTHON}, which the functions are built for, is not installed")
    return found


def build_folder() -> Path:
    """What `sam build` makes of this checkout for this machine."""
    return sam_build(_ARCHITECTURES.get(platform.machine(), platform.machine()))


def function(name: str, environ: Mapping[str, str], *, timeout: int = 29) -> EmulatedFunction:
    """A function of the checkout, built for this machine: `ask`, `stats` or `invalidate`."""
    parts = runtime()
    return EmulatedFunction.of(name, parts, build_folder(), environ, timeout=timeout)


def event(name: str) -> Any:
    """One of `tests/events`."""
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def ask_event(query: str) -> Any:
    """What the gateway sends when Ann asks."""
    return event("ask") | {"body": json.dumps({"query": query})}


def response_body(invocation: Invocation) -> dict[str, Any]:
    """The body of a response that is one, and of status 200."""
    assert isinstance(invocation.response, dict), invocation
    assert invocation.response.get("statusCode") == 200, invocation
    body: dict[str, Any] = json.loads(invocation.response["body"])
    return body
