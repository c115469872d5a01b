"""What is wrong with an invalid message, without its values."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def describe_problems(error: "ValidationError") -> str:
    """Return the path and the problem of each invalid field, without private values."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'message'}:"
        f" {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_input=False, include_url=False)
    )
