"""Reading and validation of JSON request bodies."""

from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from shared.errors import InvalidRequestError

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BYTES = 64 * 1024
_JSON = "application/json"
_IDENTITY = "identity"
_MAX_NAMED_FIELDS = 5
_MAX_NAME_LENGTH = 40

BodyT = TypeVar("BodyT", bound=BaseModel)


async def read_json_body(
    request: "Request", model: type[BodyT], *, max_bytes: int = MAX_BYTES
) -> BodyT:
    """Read a JSON body in UTF-8 and validate it.

    Raises:
        HTTPException: 400 for invalid JSON; 413 for a body above `max_bytes`; 415 for another
            content type, charset or encoding.
        InvalidRequestError: the JSON does not match `model`.
    """
    _require_json(request)
    body = await read_body_bytes(request, max_bytes)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise _refusal(errors, ", ".join(model.model_fields)) from None


async def read_body_bytes(request: "Request", max_bytes: int) -> bytes:
    """Read a body of any type.

    Raises:
        HTTPException: 413 for a body above `max_bytes`; 415 for a compressed body.
    """
    for encodings in request.headers.getlist("content-encoding"):
        if any(each.strip() not in {"", _IDENTITY} for each in encodings.lower().split(",")):
            # RFC 9110, section 12.5.3: the header says that the encoding was the reason.
            raise HTTPException(
                415,
                "compressed bodies are not accepted: send no 'Content-Encoding'",
                {"Accept-Encoding": _IDENTITY},
            )
    body, is_last = bytearray(), False
    while not is_last:  # faster than the asynchronous generator `Request.stream`
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        is_last = not message.get("more_body", False)
        if len(body) > max_bytes:
            # Without closing the connection, servers read the rest of the body.
            raise HTTPException(
                413, f"the body may have at most {max_bytes:,} bytes", {"Connection": "close"}
            )
    return bytes(body)


def _require_json(request: "Request") -> None:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    if media_type.strip() != _JSON:
        raise HTTPException(415, f"send 'Content-Type: {_JSON}'", {"Accept": _JSON})
    for parameter in map(str.strip, parameters):
        charset = parameter.removeprefix("charset=")
        if charset != parameter and charset.strip('"') not in {"utf-8", "utf8"}:
            raise HTTPException(415, "JSON must be UTF-8: omit the charset")


def _refusal(errors: "list[Any]", fields: str) -> Exception:
    """Describe pydantic's errors by field name, without the values."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return HTTPException(400, f"the body is not JSON: {first['msg']}")
    if first["type"] == "model_type" and not first["loc"]:
        return InvalidRequestError(f"the body must be a JSON object with: {fields}")
    unknown = [_field_name(error) for error in errors if error["type"] == "extra_forbidden"]
    details = [
        f"{_field_name(error)}: {error['msg'].lower()}"
        for error in errors
        if error["type"] != "extra_forbidden"
    ]
    if unknown:
        names = ", ".join(unknown[:_MAX_NAMED_FIELDS])
        details.append(f"unknown fields: {names}; the body has the fields {fields}")
    return InvalidRequestError("; ".join(details))


def _field_name(error: Any) -> str:
    return '"' + ".".join(str(part)[:_MAX_NAME_LENGTH] for part in error["loc"]) + '"'
