"""The OpenAPI document: complete, valid, with examples that hold, and a page that shows it."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # its stubs are a separate package
import pytest

from functions.http.documentation import _STATUSES
from infra.local.commands.serve import build_local_app
from shared.container import Container
from shared.errors import TercetError
from shared.settings import Settings
from tests.support.memory_note_store import MemoryNoteStore

MODULES = ("ask", "invalidate", "notes", "stats")
PUBLIC = {"/v1/health", "/v1/assistant/dashboard"}


def document_of(**settings: Any) -> dict[str, Any]:
    chosen: Any = {"cache_enabled": False, "notes_api": True} | settings
    return build_local_app(Container(Settings(**chosen), store=MemoryNoteStore())).openapi()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def resolve(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while reference := value.get("$ref"):
        value = document
        for name in reference.removeprefix("#/").split("/"):
            value = value[name]
    return value


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every body of a request or response: its place, its schema and its examples."""
    for method, path, operation in operations(document):
        parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, part in parts.items():
            for media_type, content in resolve(document, part).get("content", {}).items():
                examples = content.get("examples", {})
                yield f"{method} {path} {name} {media_type}", content.get("schema", {}), examples


def test_every_example_matches_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for place, schema, examples in bodies(document):
        whole = schema | {"components": document["components"]}
        for example in examples.values():
            jsonschema.validate(example["value"], whole)
            checked += 1
        if "json" in place and " default " not in place:
            assert examples, place
    assert checked > 50


def test_every_operation_has_a_name_a_tag_and_the_problems_of_authentication(
    document: dict[str, Any],
) -> None:
    names = []
    for method, path, operation in operations(document):
        names.append(operation["operationId"])
        assert re.fullmatch("[a-z]+([A-Z][a-z]+)+", operation["operationId"])
        assert operation["summary"][0].isupper()
        assert {*operation["tags"]} <= {tag["name"] for tag in document["tags"]}
        is_public = path in PUBLIC
        assert (operation["security"] == []) is is_public, (method, path)
        assert ({"401", "403", "500", "503"} <= operation["responses"].keys()) is not is_public
        for status, response in operation["responses"].items():
            found = resolve(document, response)
            assert found["description"]
            if status != "default":
                assert "X-Correlation-Id" in found["headers"], (path, status)
    assert len(names) == len({*names})
    assert {"askQuestion", "changeNote", "getStatistics"} <= {*names}


def test_every_described_operation_is_a_route(document: dict[str, Any]) -> None:
    described = [import_module(f"functions.{name}.documentation").OPERATIONS for name in MODULES]
    routes = {f"{method} {path}" for method, path, _ in operations(document)}
    assert {key for each in described for key in each} | {"GET /v1/health"} == routes


def test_every_error_is_described_with_its_type(document: dict[str, Any]) -> None:
    def subclasses(error: type[TercetError]) -> Iterator[type[TercetError]]:
        yield error
        for each in error.__subclasses__():
            yield from subclasses(each)

    for error in subclasses(TercetError):
        assert error.status in _STATUSES, error
        response = document["components"]["responses"][f"Problem{error.status}"]
        examples = response["content"]["application/problem+json"]["examples"]
        slug = error.title.lower().replace(" ", "-")
        assert examples[slug]["value"]["type"] == f"urn:problem-type:tercet:{slug}"
    for status, header in ((401, "WWW-Authenticate"), (429, "Retry-After"), (503, "Retry-After")):
        assert header in document["components"]["responses"][f"Problem{status}"]["headers"]


def test_every_reference_has_a_target(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    found = {*references(document)}
    assert len(found) > 20
    for reference in found:
        assert resolve(document, {"$ref": reference})


def test_security_and_server_follow_the_settings() -> None:
    secured = document_of(base_path="/tercet")
    assert secured["openapi"].startswith("3.1")
    assert secured["servers"] == [{"url": "/tercet"}]
    assert secured["components"]["securitySchemes"]["user"]["scheme"] == "bearer"
    statistics = secured["paths"]["/v1/assistant/cache-stats"]["get"]
    assert statistics["security"] == [{"user": ["stats:read"]}]
    local = document_of(local_mode=True)
    assert local["components"]["securitySchemes"]["user"]["name"] == "X-Tercet-User"


async def test_page_shows_the_document_and_loads_nothing_from_other_hosts() -> None:
    container = Container(Settings(cache_enabled=False), store=MemoryNoteStore())
    transport = httpx.ASGITransport(build_local_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        page = await client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "script-src 'sha256-" in policy
    assert not re.findall(r"(?:https?:)?//[a-z][\w.-]+\.\w+", page.text)
    assert 'fetch("openapi.json")' in page.text
