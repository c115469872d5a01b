"""Shows how much of an import is done, and an estimate of the remaining time, on standard error."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from infra.local.commands.command_context import console, pluralize
from infra.local.note_changes import ImportProgress

if TYPE_CHECKING:
    from shared.notes.messages.note_changed import NoteChanged

_LINE_SECONDS = 10.0
_MINUTE = 60


class ShownProgress(ImportProgress, AbstractContextManager["ShownProgress"]):
    """A bar on a terminal, elsewhere a line every ten seconds.

    The estimate is in proportion to the characters that were embedded, because most of the time is
    spent on embedding.

    Args:
        notes: the number of notes to import.
        quiet: whether nothing is shown.
        clock: returns seconds.
    """

    def __init__(
        self, notes: int, *, quiet: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - slow to load

        err = console(stderr=True)
        self._clock = clock
        self._shows_lines = not quiet and not err.is_terminal
        columns = (TextColumn("Importing"), BarColumn(), TextColumn("{task.description}"))
        self._bar = Progress(
            *columns, console=err, transient=True, disable=quiet or not err.is_terminal
        )
        self._task = self._bar.add_task("", total=None)
        self._started = self._last_line = clock()
        self._notes, self._total_notes = 0, notes
        self._characters = self._total_characters = 0
        self._embedded = self._started

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    @property
    def summary(self) -> str:
        """The stored notes: `120 of 500 notes`."""
        return f"{self._notes:,} of {pluralize(self._total_notes, 'note')}"

    def start(self, new: "Sequence[NoteChanged]", unchanged: int) -> None:
        """Begin to measure the time."""
        self._started = self._last_line = self._clock()
        self._notes = unchanged
        self._total_characters = sum(map(_size, new))
        self._show()

    def add_embedded(self, changes: "Sequence[NoteChanged]") -> None:
        """Measure the time for a batch."""
        self._characters += sum(map(_size, changes))
        self._embedded = self._clock()

    def advance(self, change: "NoteChanged") -> None:
        """Count a stored note."""
        self._notes += 1
        self._show()

    def _show(self) -> None:
        message = f"{self.summary}{self._estimate()}"
        total, completed = self._total_characters, self._characters
        self._bar.update(self._task, total=total, completed=completed, description=message)
        if self._shows_lines and self._clock() - self._last_line >= _LINE_SECONDS:
            self._last_line = self._clock()
            click.echo(f"tercet: {message}", err=True)

    def _estimate(self) -> str:
        if not 0 < self._characters < self._total_characters:
            return ""
        pace = (self._embedded - self._started) / self._characters
        left = pace * (self._total_characters - self._characters)
        seconds = max(0.0, left - (self._clock() - self._embedded))
        if seconds < _MINUTE:
            return f", about {seconds:.0f} s left"
        return f", about {seconds / _MINUTE:.0f} min left"


def _size(change: "NoteChanged") -> int:
    return len(change.title or "") + len(change.text or "")
