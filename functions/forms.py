"""The form of problem documents (RFC 9457), for the OpenAPI document alone."""

from pydantic import BaseModel


class Problem(BaseModel):
    """What went wrong; `detail` says what would be right, `instance` names this occurrence."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
