"""Reads notes for an import from Markdown, text and JSON Lines files, and folders of them.

All notes are read and checked before the first is returned, so an import does not stop half-way at
an invalid line.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shared.errors import InvalidRequestError
from shared.notes.sanitize import require_id

_TEXT_SUFFIXES = frozenset({".md", ".markdown", ".txt"})
_LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
_ACCEPTED = "a Markdown or text file (.md, .markdown, .txt), JSON Lines (.jsonl, .ndjson)"

_HEADING = re.compile(r"^#{1,6}[^\S\n]+(\S[^\n]*?)[^\S\n]*#*[^\S\n]*$", re.MULTILINE)
_FIELDS = ("note_id", "title", "text")


class ImportedNote(NamedTuple):
    """A note of a file."""

    note_id: str
    title: str
    text: str


def read_note_files(path: Path) -> list[ImportedNote]:
    """Read every note at `path`, in the order of file names and lines.

    A Markdown or text file is one note. Its id is its path relative to the folder, without the
    suffix. Its title is its first heading, or else its name. A line of JSON is an object with
    `note_id`, `title` and `text`. In folders, other files and hidden files are skipped.

    Raises:
        InvalidRequestError: there is no note, a note cannot be read, or two notes have the same
            id; the message names the file and the line.
    """
    places: dict[str, str] = {}
    notes = []
    for place, note in _read_path(path):
        try:
            require_id("note_id", note.note_id)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{place}: {error}") from None
        if note.note_id in places:
            raise InvalidRequestError(
                f"{place}: note_id {note.note_id!r} is also that of {places[note.note_id]};"
                " note ids must be unique"
            )
        places[note.note_id] = place
        notes.append(note)
    if not notes:
        raise InvalidRequestError(f"{path} has no notes; give {_ACCEPTED} or a folder of them")
    return notes


def _read_path(path: Path) -> Iterator[tuple[str, ImportedNote]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            relative = file.relative_to(path)
            hidden = any(part.startswith(".") for part in relative.parts)
            if file.is_file() and not hidden and _suffix(file) in _TEXT_SUFFIXES | _LINES_SUFFIXES:
                yield from _read_file(file, relative)
    elif not path.exists():
        raise InvalidRequestError(f"{path} does not exist; give {_ACCEPTED} or a folder of them")
    elif path.is_file() and _suffix(path) in _TEXT_SUFFIXES | _LINES_SUFFIXES:
        yield from _read_file(path, Path(path.name))
    else:
        raise InvalidRequestError(f"{path} is none of: {_ACCEPTED}, a folder of them")


def _read_file(file: Path, relative: Path) -> Iterator[tuple[str, ImportedNote]]:
    try:
        data = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read: {error.strerror}") from error
    if _suffix(file) in _TEXT_SUFFIXES:
        text = _decode(data, str(file), first_line=1)
        heading = _HEADING.search(text.replace("\r\n", "\n"))
        title = heading[1] if heading else file.stem
        yield str(file), ImportedNote(relative.with_suffix("").as_posix(), title, text)
        return
    # str.splitlines would split at line separators within JSON strings.
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            place = f"{file}, line {number}"
            yield place, _parse_line(_decode(line, str(file), first_line=number), place)


def _parse_line(line: str, place: str) -> ImportedNote:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidRequestError(
            f"{place}: not valid JSON: {error.msg} (column {error.colno})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{place}: not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise InvalidRequestError(
            f"{place}: must be an object with {', '.join(_FIELDS)}, not {_json_type(values)}"
        )
    for name in _FIELDS:
        if name not in values:
            raise InvalidRequestError(f"{place}: field {name!r} is missing")
        if not isinstance(values[name], str):
            raise InvalidRequestError(
                f"{place}: {name!r} must be text, not {_json_type(values[name])}"
            )
    return ImportedNote(*(values[name] for name in _FIELDS))


def _decode(data: bytes, file: str, *, first_line: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        raise InvalidRequestError(
            f"{file}, line {line}: not valid UTF-8 at 0x{data[error.start]:02x}; save it as UTF-8"
        ) from None


def _suffix(file: Path) -> str:
    return file.suffix.lower()


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")
