"""The OpenAPI document, made when it is asked for.

Models of responses that FastAPI knows from the start cost every cold start a tenth of its
imports, and no response is checked against them; so routes only name them.
"""

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from functions.http.problems import PROBLEM_MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastapi import FastAPI
    from pydantic import BaseModel

    SchemaLoader = Callable[[], Iterable[type[BaseModel]]]

_SCHEMAS = "#/components/schemas/"


def content_schema(form: str, media_type: str = "application/json") -> dict[str, Any]:
    """Name the form of a body, for a route's `responses` or `openapi_extra`."""
    return {"content": {media_type: {"schema": {"$ref": f"{_SCHEMAS}{form}"}}}}


def json_responses(form: str) -> dict[int | str, dict[str, Any]]:
    """What a route answers: this form, or a problem."""
    return {200: content_schema(form)} | problem_responses()


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """What a route answers where something is wrong."""
    return {"default": {"description": "A problem"} | content_schema("Problem", PROBLEM_MEDIA_TYPE)}


def install_openapi(app: "FastAPI", load_schemas: "SchemaLoader") -> None:
    """Let an app's document hold the forms that its routes name."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            from pydantic.json_schema import models_json_schema  # noqa: PLC0415  # see above

            from functions.http.schemas import Problem  # noqa: PLC0415  # see above

            models = [(form, "serialization") for form in (Problem, *load_schemas())]
            _, found = models_json_schema(models, ref_template=f"{_SCHEMAS}{{model}}")  # type: ignore[arg-type]  # a list of literals
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            made.setdefault("components", {}).setdefault("schemas", {}).update(found["$defs"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's documentation has it
