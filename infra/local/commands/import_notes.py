"""`tercet notes import`: import notes from files, once or at every change."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.local.commands.command_context import (
    pluralize,
    print_json,
    run_with_container,
)
from infra.local.commands.import_progress import ShownProgress
from infra.local.commands.options import data_option, embedder_option, json_option, user_option
from infra.local.embedder_choice import EmbedderChoice, choose_embedder
from infra.local.import_record import ImportRecord
from infra.local.note_changes import ImportResult, all_changed, import_notes, note_updated
from shared.errors import TercetError, UnavailableError
from shared.notes.files.file_import import NoteFiles, normalize_prefix, read_note_files
from shared.notes.files.note_files import find_note_files
from shared.text.languages import ENGLISH, detect_language

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.container import Container
    from shared.notes.messages.note_changed import NoteChanged

_POLL_SECONDS = 1.0
_INTERRUPTED = 128 + signal.SIGINT  # exit status, as a shell's
_NOT_ENGLISH = (
    "most of the text is not English, but the embedder minilm was trained on English:"
    " tercet reembed --embedder multilingual changes it"
)
_SKIPPED = {
    "other_types": "other file",
    "links": "symbolic link",
    "unreadable_folders": "unreadable folder",
    "binary_files": "binary file",
    "empty_files": "empty file",
}


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--prefix", metavar="FOLDER", default="", help="Put FOLDER/ before every note id.")
@click.option(
    "--prune",
    is_flag=True,
    help="Delete notes that an earlier import of PATH wrote and whose file is gone.",
)
@click.option("--strict", is_flag=True, help="Import nothing if a note has a problem.")
@click.option("--watch", is_flag=True, help="Import again when a file changes, until Ctrl-C.")
@embedder_option
@user_option
@data_option
@json_option
def import_(
    path: Path,
    *,
    prefix: str,
    prune: bool,
    strict: bool,
    watch: bool,
    embedder: EmbedderChoice | None,
    user: str,
    data: Path,
    json: bool,
) -> None:
    """Import notes from files; skip unchanged notes.

    PATH is a Markdown, text or JSON lines file, or a folder of them.
    Each line of a JSON lines file has note_id, title and text, and optionally tags. A note with a
    problem is reported and left out; the exit status is then 1. Ctrl-C ends the import and keeps
    what is stored.
    """
    if prune and not path.is_dir():
        raise click.UsageError("--prune needs a folder as PATH")
    prefix = normalize_prefix(prefix)

    async def import_files(container: "Container", files: NoteFiles) -> None:
        changes = [note_updated(user, note) for note in files.notes]
        record = ImportRecord(data, user, path, prefix)
        record.add(change.note_id or "" for change in changes)  # also if the import is interrupted
        with record.unfinished() as was_unfinished:
            if was_unfinished:
                await container.freshness.note_changed(all_changed(user))
            result = await _import_with_progress(
                container,
                user,
                changes,
                # An emptied file has no answers left.
                lambda id_: (
                    id_ in files.empty_ids or (prune and id_ in record and not files.may_have(id_))
                ),
                quiet=json,
            )
        if result.chunks and not result.unchanged and _needs_multilingual(data, files):
            files.warnings.append(_NOT_ENGLISH)
            if not json:
                click.echo(f"tercet: warning: {_NOT_ENGLISH}", err=True)
        _print_result(user, files, result, json=json)

    def read_files() -> NoteFiles:
        files = read_note_files(path, prefix)
        if not json:
            for message in files.warnings:
                click.echo(f"tercet: warning: {message}", err=True)
            for message in files.problems:
                click.echo(f"tercet: {message}", err=True)
        if files.problems and (strict or not files.notes):
            raise TercetError(f"nothing imported: {pluralize(len(files.problems), 'problem')}")
        return files

    async def import_until_interrupted(container: "Container") -> None:
        imported, reported = None, ""
        while True:
            try:
                # Listed before the files are read: a later change has another listing.
                listing = find_note_files(path).files
                if listing != imported:
                    imported, reported = listing, ""
                    await import_files(container, read_files())
            except TercetError as error:
                if isinstance(error, UnavailableError):
                    imported = None
                if str(error) != reported:
                    reported = str(error)
                    click.echo(f"tercet: {error}", err=True)
            await asyncio.sleep(_POLL_SECONDS)

    if watch:
        # A shell makes background processes ignore SIGINT, and then Python does not handle it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            run_with_container(data, import_until_interrupted, embedder=embedder)
        return
    files = read_files()
    run_with_container(data, lambda container: import_files(container, files), embedder=embedder)
    if files.problems:
        raise click.exceptions.Exit(1)


async def _import_with_progress(
    container: "Container",
    user: str,
    changes: "Sequence[NoteChanged]",
    is_obsolete: "Callable[[str], bool]",
    *,
    quiet: bool,
) -> ImportResult:
    """Import notes of one user, and show the progress.

    If Ctrl-C cancels it, print what is stored and end the process.
    """
    with ShownProgress(len(changes), quiet=quiet) as progress:
        try:
            return await import_notes(container, user, changes, progress, is_obsolete)
        except asyncio.CancelledError:
            pass
    message = f"interrupted: {progress.summary} stored; import again to continue"
    click.echo(f"tercet: {message}", err=True)
    with suppress(UnavailableError):
        # The note that was being written may be stored, with answers from before.
        await container.freshness.note_changed(all_changed(user))
    os._exit(_INTERRUPTED)  # a thread that embeds cannot be cancelled


def _needs_multilingual(data: Path, files: NoteFiles) -> bool:
    """Whether MiniLM embeds the folder and most of the text is of another language than English."""
    if choose_embedder(data, None) is not EmbedderChoice.MINILM:
        return False
    texts = [note.text for note in files.notes]
    foreign = [text for text in texts if detect_language(text) not in {"", ENGLISH}]
    return 2 * sum(map(len, foreign)) > sum(map(len, texts))


def _print_result(user: str, files: NoteFiles, result: ImportResult, *, json: bool) -> None:
    if json:
        skipped = {name: files.skipped[name] for name in _SKIPPED}
        details = {"problems": files.problems, "warnings": files.warnings, "skipped": skipped}
        print_json(asdict(result) | details)
        sys.stdout.flush()  # with --watch, a pipe must get each line at once
        return
    written = pluralize(result.notes - result.unchanged, "note")
    message = f"{user}: {written}, {pluralize(result.chunks, 'chunk')} written"
    if result.unchanged:
        message += f", {pluralize(result.unchanged, 'note')} unchanged"
    if result.deleted:
        message += f", {pluralize(result.deleted, 'note')} deleted"
    if result.dropped or result.retained:
        message += (
            f"; {pluralize(result.dropped, 'cached answer')} dropped, {result.retained:,} retained"
        )
    if files.problems:
        message += f"; {pluralize(len(files.problems), 'problem')}"
    skipped = files.skipped
    parts = [pluralize(skipped[name], noun) for name, noun in _SKIPPED.items() if skipped[name]]
    if parts:
        message += f"; skipped: {', '.join(parts)}"
    click.echo(message)
