"""Read a request's JSON body, and refuse with a reason what is none."""

from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError

from shared.errors import InvalidRequestError

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BYTES = 64 * 1024
_JSON = "application/json"
_MENTIONED = 5

BodyT = TypeVar("BodyT", bound=BaseModel)


async def read_json_body(request: "Request", form: type[BodyT], *, most: int = MAX_BYTES) -> BodyT:
    """Read a body of a form: JSON in UTF-8, of at most so many bytes.

    Raises:
        HTTPException: 400, it is not JSON; 413, it is too large; 415, it says it is no JSON.
        InvalidRequestError: it is JSON of another form.
    """
    _require_json(request)
    body = await read_body_bytes(request, most)
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise _refusal(faults, ", ".join(form.model_fields)) from None


async def read_body_bytes(request: "Request", most: int) -> bytes:
    """Read a body of at most `most` bytes, whatever it is.

    Raises:
        HTTPException: 413, it is too large.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            # Servers would go on reading what nobody wants, for as long as it comes.
            raise HTTPException(
                413, f"the body may have at most {most:,} bytes", {"Connection": "close"}
            )
    return bytes(body)


def _require_json(request: "Request") -> None:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [value.strip() for value in parameters if value.strip().startswith("charset=")]
    encoding = request.headers.get("content-encoding", "identity")
    if media_type.strip() != _JSON or encoding.lower() != "identity":
        raise HTTPException(415, f"send the body as 'Content-Type: {_JSON}', not encoded")
    if any(charset.partition("=")[2].strip('"') not in {"utf-8", "utf8"} for charset in charsets):
        raise HTTPException(415, "JSON is UTF-8: leave the charset out")


def _refusal(faults: "list[Any]", fields: str) -> Exception:
    """Say what is wrong with a body, by what pydantic found."""
    first = faults[0]
    if first["type"] == "json_invalid":
        return HTTPException(400, f"the body is not JSON: {first['msg']}")
    if first["type"] == "model_type":
        return InvalidRequestError(f"the body must be a JSON object with: {fields}")
    unknown = [_quoted(fault) for fault in faults if fault["type"] == "extra_forbidden"]
    wrong = [
        f"{_quoted(fault)}: {fault['msg'].lower()}"
        for fault in faults
        if fault["type"] != "extra_forbidden"
    ]
    if unknown:
        wrong.append(f"unknown: {', '.join(unknown[:_MENTIONED])}; the body takes {fields}")
    return InvalidRequestError("; ".join(wrong))


def _quoted(fault: Any) -> str:
    return '"' + ".".join(str(part)[:40] for part in fault["loc"]) + '"'
