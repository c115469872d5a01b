"""Faults of the model hosts, and containers whose circuit breakers open early."""

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.cache import keyspace
from shared.container import Container
from shared.errors import InferenceError
from shared.inference.circuit_breaker import CircuitBreaker
from shared.notes.embedding_profile import EmbeddingProfile
from shared.settings import Settings
from shared.text.canonical_form import canonical_form
from tests.support.full_stack import ask
from tests.support.http_faults import drip, drop, refuse, send_json, send_text, stall, truncate
from tests.support.local_environment import (
    NOTES,
    LocalEnvironment,
    start_local_environment,
    write_notes,
)
from tests.support.servers import send_command

CHAT, EMBED = "/chat/completions", "/embed"
QUESTION = NOTES["hebrews"]

FAULTS = {
    "an error": refuse(500, {"error": "Internal Server Error"}),
    "loading": refuse(503, {"error": "Model is currently loading", "estimated_time": 20.0}),
    "rate limit": refuse(429, {"error": "Too many"}, RateLimit='"api";r=0;t=55'),
    "time-out": refuse(504),
    "silence": stall(60),
    "a slow drip": drip(),
    "half a reply": truncate,
    "a reset": drop,
    "malformed JSON": send_text('{"choices": ['),
    "another JSON": send_json({"hello": "there"}),
    "an error with status 200": send_json({"error": "overloaded"}),
}
ENDLESS_FAULTS = frozenset({"silence", "a slow drip"})
"""Faults that only a time-out ends."""

_FAST = frozenset({"an error", "another JSON"})
FAST_AND_SLOW_FAULTS = [
    name if name in _FAST else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS
]
"""Parameters for tests that need only a few faults in the fast set."""


@contextmanager
def fake_models_and_redis(folder: Path) -> Iterator[LocalEnvironment]:
    with start_local_environment(folder) as local:
        local.models.embed = bag_of_words_embeddings
        yield local


def forget_embedding(local: LocalEnvironment, question: str) -> None:
    """Remove the cached embedding of a question."""
    name = keyspace.embedding_key(EmbeddingProfile.of(Settings()).text, canonical_form(question))
    assert send_command(local.valkey.port, f"DEL {name}") == ":1\r\n"


def bag_of_words_embeddings(texts: Sequence[str]) -> list[list[float]]:
    """Return embeddings whose cosine grows with the number of common words."""
    rows = np.full((len(texts), 384), 1e-3)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.casefold()):
            row[zlib.crc32(word.encode()) % 384] += 1
    return [[float(each) for each in row] for row in rows]


def open_container(local: LocalEnvironment, fault: str = "", **changes: object) -> Container:
    """Return a container whose circuit breakers open after two calls, for 300 s.

    Time-outs are long, since the machine may be busy, unless only a time-out ends the fault.
    """
    settings = Settings.from_env(local.environ)
    given = {
        "inference_timeout": 3.0 if fault in ENDLESS_FAULTS else 20.0,
        "breaker_min_calls": 2,
        "breaker_window": 600,
        "breaker_open_seconds": 300,
    }
    return Container(replace(settings, **given | changes))  # type: ignore[arg-type]  # by name


async def write_all_notes(local: LocalEnvironment, user_id: str = "ann") -> None:
    """Write all of `NOTES` for a user, with a separate container."""
    container = open_container(local)
    await write_notes(container, user_id)
    await container.aclose()


async def fail_until_open(container: Container, breaker: CircuitBreaker | None = None) -> int:
    """Ask questions until the breaker (by default the language model's) is open.

    Returns how many of them got an extractive answer.
    """
    breaker, extractive = breaker or container.circuit_breakers.chat, 0
    for number in range(9):
        if breaker.state == "open":
            return extractive
        with suppress(InferenceError):
            reply = await ask(container, "ann", f"What is number {number}?")
            assert reply.extractive
            extractive += 1
    pytest.fail("the breaker did not open")
