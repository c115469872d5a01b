"""The OpenAPI document, built at the first request for it.

Response models that FastAPI knows at start-up take a tenth of a cold start's imports, and responses
are not validated. So routes only name their schemas, which are generated with the document.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from functions.http.problems import PROBLEM_MEDIA_TYPE, Problem
from functions.http.routing import VERSION_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

    from shared.settings import Settings

_SCHEMAS = "#/components/schemas/"


def content_schema(name: str, media_type: str = "application/json") -> dict[str, Any]:
    """Name the schema of a body, for a route's `responses` or `openapi_extra`."""
    return {"content": {media_type: {"schema": {"$ref": f"{_SCHEMAS}{name}"}}}}


def json_responses(name: str, *, events: "Sequence[str]" = ()) -> dict[int | str, dict[str, Any]]:
    """Return a route's responses: JSON of the named schema, or a problem document.

    `events`: the schemas of the data of server-sent events that a client may ask for instead.
    """
    content = content_schema(name)["content"]
    if events:
        schemas = [{"$ref": f"{_SCHEMAS}{event}"} for event in events]
        content["text/event-stream"] = {"schema": {"anyOf": schemas}}
    return {200: {"content": content}} | problem_responses()


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """Return a route's responses on errors: a problem document."""
    return {"default": {"description": "A problem"} | content_schema("Problem", PROBLEM_MEDIA_TYPE)}


def install_openapi(
    app: "FastAPI",
    routers: "Sequence[APIRouter]",
    kinds: "Sequence[type]",
    modules: "Sequence[str]",
    settings: "Settings",
) -> None:
    """Set an app's document.

    Args:
        app: the app.
        routers: its routes, which the document has with their version.
        kinds: the types of bodies: pydantic models, dataclasses and `TypedDict`s. Each becomes the
            schema of its class name.
        modules: names of modules whose `OPERATIONS` describe the routes.
        settings: authentication and the base path.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, routers, (Problem, *kinds))
            from functions.http import documentation  # noqa: PLC0415  # only with the document

            found = [import_module(name).OPERATIONS.items() for name in modules]
            operations = {name: each for items in found for name, each in items}
            documentation.complete(app.openapi_schema, operations, settings)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def _build(
    app: "FastAPI", routers: "Sequence[APIRouter]", kinds: "Sequence[type]"
) -> dict[str, Any]:
    """Return what FastAPI and pydantic generate."""
    versioned = APIRouter()
    for router in routers:
        versioned.include_router(router, prefix=VERSION_PREFIX)
    document = get_openapi(title=app.title, version=app.version, routes=list(versioned.routes))
    adapters: list[Any] = [(kind, "serialization", TypeAdapter(kind)) for kind in kinds]
    _, schemas = TypeAdapter.json_schemas(adapters, ref_template=f"{_SCHEMAS}{{model}}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas["$defs"])
    for schema in components["schemas"].values():
        for member in schema.get("properties", {}).values():
            # Generators of clients would require the member in a request.
            member.pop("default", None)
    return document
