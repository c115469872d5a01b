"""The settings of common hosts in docs/hosts.md, each with a stand-in of its host."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.container import Container
from shared.settings import Settings
from shared.variables import variable_names
from tests.support.full_stack import ask, updated
from tests.support.host_replies.page import PAGE
from tests.support.huggingface import FakeHuggingFace, hashed_embeddings
from tests.support.memory_note_store import MemoryNoteStore

_RECIPE = re.compile(r"^### (.+)\n(?:(?!###).*\n)*?```env\n((?:.+\n)+)```", re.MULTILINE)
_LINE = re.compile(r"([A-Z_]+)=(\"?)(.*)\2")
NOTE = "Faith is trust in what is not seen."


def read_recipes() -> dict[str, dict[str, str]]:
    """Return the variables of each host, read as a shell and Docker read them."""
    page = PAGE.read_text("utf-8")
    recipes = {}
    for host, lines in _RECIPE.findall(page):
        matches = [_LINE.fullmatch(line) for line in lines.splitlines()]
        recipes[host] = {match[1]: match[3] for match in matches if match}
        assert len(recipes[host]) == len(matches), host
    return recipes


@dataclass(frozen=True)
class Shape:
    """What distinguishes a host: its paths, token, native dimensions and refused parameters."""

    paths: tuple[str, str]
    token: str | None
    dimensions: int
    refused: frozenset[str] = frozenset()


E5 = "/hf-inference/models/intfloat/multilingual-e5-large/pipeline/feature-extraction"
OPENAI_PATHS = ("/v1/chat/completions", "/v1/embeddings")
SHAPES = {
    "Hugging Face": Shape(("/v1/chat/completions", E5), "hf_...", 1024),
    "OpenAI": Shape(OPENAI_PATHS, "sk-...", 1536, frozenset({"max_tokens", "temperature", "seed"})),
    "Ollama": Shape(("/v1/chat/completions", "/api/embed"), None, 768),
    "vLLM": Shape(OPENAI_PATHS, "KEY", 1024, frozenset({"dimensions"})),
    "llama.cpp": Shape(OPENAI_PATHS, None, 768),
    "Your own server": Shape(OPENAI_PATHS, "secret", 768),
    "text-embeddings-inference": Shape(("/v1/chat/completions", "/embed"), "hf_...", 384),
}
RECIPES = read_recipes()

Open = Callable[[dict[str, str]], Container]


def redirect(environ: dict[str, str], stand_in: str) -> dict[str, str]:
    """Return the variables with the stand-in's address in both URLs."""
    settings = Settings.from_env(environ)
    addresses = {"HF_CHAT_URL": settings.chat_url, "HF_EMBEDDING_URL": settings.embedding_url}
    redirected = dict(environ)
    for variable, url in addresses.items():
        hf, llm = variable_names(variable)
        redirected[llm if llm in environ else hf] = stand_in + urlsplit(url).path
    return redirected


@pytest.fixture
async def open_container(
    server: tuple[FakeHuggingFace, str], valkey_url: str
) -> AsyncIterator[Open]:
    opened: list[Container] = []

    def opener(environ: dict[str, str]) -> Container:
        redis = {"REDIS_CACHE_URL": valkey_url, "REDIS_CACHE_TIMEOUT": "5"}
        settings = Settings.from_env(redirect(environ, server[1]) | redis)
        opened.append(Container(settings, store=MemoryNoteStore()))
        return opened[-1]

    yield opener
    for container in opened:
        await container.aclose()


def test_page_has_a_recipe_for_each_host() -> None:
    assert RECIPES.keys() == SHAPES.keys()


@pytest.mark.parametrize("name", SHAPES)
async def test_recipe_answers_and_caches(
    host: FakeHuggingFace, open_container: Open, name: str
) -> None:
    shape, environ = SHAPES[name], RECIPES[name]
    host.paths, host.token = frozenset(shape.paths), shape.token
    host.refused_parameters = shape.refused
    host.embed = partial(hashed_embeddings, dimensions=shape.dimensions)
    container = open_container(environ)
    await container.freshness.note_changed(updated("u", "n", NOTE))
    reply = await ask(container, "u", "What is faith?")
    assert reply.answer
    assert reply.stored
    assert (await ask(container, "u", "What is faith?")).outcome == "exact"
    check_requests(host, container.settings, environ)


def check_requests(host: FakeHuggingFace, settings: Settings, environ: dict[str, str]) -> None:
    def texts(body: dict[str, Any]) -> list[str]:
        found: list[str] = body.get("input") or body.get("inputs") or []
        return found

    embedded = [text for call in host.calls for text in texts(call.body)]
    prefixes = (settings.query_prefix, settings.passage_prefix)
    assert set(embedded) == {f"{prefixes[0]}what is faith", f"{prefixes[1]}{NOTE}"}
    assert prefixes == tuple(
        environ.get(f"EMBEDDING_{kind}_PREFIX", "") for kind in ("QUERY", "PASSAGE")
    )
    chat = next(call.body for call in host.calls if "messages" in call.body)
    assert chat["model"] == settings.chat_model


@pytest.mark.parametrize("name", SHAPES)
async def test_refused_parameters_cost_one_request_each_in_a_process(
    host: FakeHuggingFace, open_container: Open, name: str
) -> None:
    shape = SHAPES[name]
    host.paths, host.token = frozenset(shape.paths), shape.token
    host.refused_parameters = shape.refused
    host.embed = partial(hashed_embeddings, dimensions=shape.dimensions)
    container = open_container(RECIPES[name])
    for number in range(3):
        await container.freshness.note_changed(updated("u", f"n{number}", f"{NOTE} {number}"))
        await ask(container, "u", f"Who was Ruth in chapter {number + 1}?", exact=True)
    assert len(host.calls) == 9 + len(shape.refused)
