"""What commands have in common: a container for the time of one job, and how it is told."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from infra.local.embedded import Model, open_embedded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rich.console import Console

    from shared.container import Container

Result = TypeVar("Result")


def run_with_container(
    data: "Path",
    job: "Callable[[Container], Awaitable[Result]]",
    *,
    model: Model | None = None,
) -> Result:
    """Do a job with the container of a data folder, then close it.

    Raises:
        TercetError: as the job does, or the folder cannot be opened.
    """
    with open_embedded(data, model=model) as container:

        async def whole() -> Result:
            try:
                return await job(container)
            finally:
                await container.aclose()

        return asyncio.run(whole())


def console(*, stderr: bool = False) -> "Console":
    """Where people read: no markup, for notes may hold brackets."""
    from rich.console import Console  # noqa: PLC0415 - commands that print JSON need none

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def print_json(value: Any) -> None:
    """Print one JSON document on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def pluralize(count: int, thing: str) -> str:
    """`1 note`, `2 notes`, `10,000 notes`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
