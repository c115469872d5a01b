"""`python -m infra.reembed`: embed the notes of all users again where it is necessary.

Run it with the settings of the functions, after a change of the embedding model, its dimensions or
a prefix, or to embed notes that the model refused before. Notes may change meanwhile. After an
interruption, run it again: it continues with the notes that remain.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.exit_codes import exit_on_error
from shared.container import Container
from shared.errors import InferenceError

if TYPE_CHECKING:
    from shared.notes.note import Note

_BATCH = 8
"""Notes that are embedded at the same time."""

_PROBE = "Does the model work?"


@dataclass(slots=True)
class ReembedResult:
    """`total` and `done` count notes. `failures` describe the notes that could not be embedded."""

    total: int
    done: int = 0
    failures: list[str] = field(default_factory=list)


async def reembed(
    container: Container, progress: Callable[[ReembedResult], None] = lambda _: None
) -> ReembedResult:
    """Embed the notes of another profile, and those that could not be embedded before.

    A note that still cannot be embedded is left without chunks, unless the model fails altogether.
    `progress` is called after each batch.

    Raises:
        InferenceError: the model fails, not only for one note.
        StoreUnavailableError, CacheUnavailableError: the notes, or the answers from them, could not
            be changed.
    """
    result = ReembedResult(await container.store.count_outdated())
    after = ("", "")
    while notes := await container.store.list_outdated(after, _BATCH):
        after = (notes[-1].user_id, notes[-1].note_id)
        outcomes = await asyncio.gather(
            *(_reembed_note(container, note) for note in notes), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome:
                result.failures.append(outcome)
        result.done += len(notes)
        progress(result)
    return result


async def _reembed_note(container: Container, note: "Note") -> str | None:
    """Embed a note; return a description of the failure if the model refuses only this one."""
    try:
        await container.freshness.reembed(note)
    except InferenceError as error:
        await container.passage_embedder.embed([_PROBE])
        await container.freshness.remove_chunks(note)
        return f"user {note.user_id!r}, note {note.note_id!r}: {error}"
    return None


async def _run() -> ReembedResult:
    container = Container.from_env()
    try:
        return await reembed(container, _print_progress)
    finally:
        await container.aclose()


def _print_progress(result: ReembedResult) -> None:
    sys.stdout.write(f"{result.done:,} of {result.total:,} notes\n")
    sys.stdout.flush()


if __name__ == "__main__":
    argparse.ArgumentParser("python -m infra.reembed", description=__doc__).parse_args()
    with exit_on_error("cannot embed the notes again", "Run it again to continue."):
        failures = asyncio.run(_run()).failures
    if failures:
        sys.exit("\n".join(["Not embedded, and not searched until they are:", *failures]))
