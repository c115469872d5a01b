"""The built functions on Lambda's emulator, with local servers."""

import json
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError
from tests.lambda_emulator.function import EmulatedFunction, Invocation
from tests.lambda_emulator.runtime import Runtime
from tests.support.sam import sam_build

EVENTS = Path(__file__).parents[1] / "events"
_ARCHITECTURES = {"aarch64": "arm64"}


@cache
def runtime() -> Runtime:
    """The parts of Lambda; skips the test if one is missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPYCACHEPREFIX", raising=False)  # bytecode is written beside the sources
        try:
            return Runtime.prepare()
        except ConfigurationError as error:
            pytest.skip(str(error))


def build_folder() -> Path:
    """The output of `sam build` for this machine."""
    return sam_build(_ARCHITECTURES.get(platform.machine(), platform.machine()))


def function(name: str, environ: Mapping[str, str], *, timeout: int = 29) -> EmulatedFunction:
    """The built function `ask`, `stats` or `invalidate`."""
    return EmulatedFunction(runtime(), build_folder(), name, environ, timeout=timeout)


def event(name: str) -> Any:
    """Read an event of `tests/events`."""
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def ask_event(query: str) -> Any:
    """The event of the HTTP API for a question of Ann."""
    return event("ask") | {"body": json.dumps({"query": query})}


def response_body(invocation: Invocation) -> dict[str, Any]:
    """Parse the body of a response with status 200."""
    assert isinstance(invocation.response, dict), invocation
    assert invocation.response.get("statusCode") == 200, invocation
    body: dict[str, Any] = json.loads(invocation.response["body"])
    return body
