"""A container for one command, and output helpers."""

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from infra.local.embedded import Model, open_embedded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from rich.console import Console

    from infra.local.embedder_choice import EmbedderChoice
    from shared.container import Container

Result = TypeVar("Result")

_CONTROL = dict.fromkeys(code for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t")


def run_with_container(
    data: "Path",
    job: "Callable[[Container], Awaitable[Result]]",
    *,
    model: Model | None = None,
    embedder: "EmbedderChoice | None" = None,
    replace_embedder: bool = False,
    cache: bool = True,
    create: bool = True,
    needs_cache: bool = True,
    environ: "Mapping[str, str]" = os.environ,
) -> Result:
    """Run a coroutine function with the container of a data folder; close the container.

    The other arguments are those of `open_embedded`.

    Raises:
        TercetError: the job failed or the folder cannot be opened.
    """
    with open_embedded(
        data,
        model=model,
        embedder=embedder,
        replace_embedder=replace_embedder,
        cache=cache,
        create=create,
        needs_cache=needs_cache,
        environ=environ,
    ) as container:

        async def run() -> Result:
            try:
                return await job(container)
            finally:
                await container.aclose()

        return asyncio.run(run())


def console(*, stderr: bool = False) -> "Console":
    """Create a console without markup, since notes may contain brackets."""
    from rich.console import Console  # noqa: PLC0415 - slow to load

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def printable(text: str) -> str:
    """Return a text without the control characters that a terminal would execute."""
    return text.translate(_CONTROL) if sys.stdout.isatty() else text


def print_json(value: Any) -> None:
    """Print a JSON document on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def pluralize(count: int, noun: str) -> str:
    """Format `1 note`, `2 notes` or `10,000 notes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
