"""Reads notes to import: Markdown and text files, folders of them, JSON lines.

Everything is read and checked before the first note is handed over: an import that begins has
no bad line left to stop at half-way.
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
_ACCEPTED = "a Markdown or text file (.md, .markdown, .txt), JSON lines (.jsonl, .ndjson)"

_HEADING = re.compile(r"^#{1,6}[^\S\n]+(\S[^\n]*?)[^\S\n]*#*[^\S\n]*$", re.MULTILINE)
_FIELDS = ("note_id", "title", "text")


class ImportedNote(NamedTuple):
    """A note as it was read."""

    note_id: str
    title: str
    text: str


def read_note_files(path: Path) -> list[ImportedNote]:
    """Read every note at `path`, in the order of files' names and of lines.

    A Markdown or text file is one note: its id is its path relative to the folder, without the
    suffix, and its title its first heading, else its name. A line of JSON is an object with
    `note_id`, `title` and `text`. In folders, other files and hidden ones are passed over.

    Raises:
        InvalidRequestError: there is no note, or one cannot be read; the message says in which
            file and line, and why. Two notes of the same id are an error too.
    """
    places: dict[str, str] = {}
    notes = []
    for place, note in _read(path):
        try:
            require_id("note_id", note.note_id)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{place}: {error}") from None
        if note.note_id in places:
            raise InvalidRequestError(
                f"{place}: note_id {note.note_id!r} is that of {places[note.note_id]} too;"
                " each note needs its own"
            )
        places[note.note_id] = place
        notes.append(note)
    if not notes:
        raise InvalidRequestError(f"{path} holds no notes; give {_ACCEPTED} or a folder of them")
    return notes


def _read(path: Path) -> Iterator[tuple[str, ImportedNote]]:
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
    # Bytes are split, not text: JSON strings may hold what str.splitlines takes for a line's end.
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            place = f"{file}, line {number}"
            yield place, _parse(_decode(line, str(file), first_line=number), place)


def _parse(line: str, place: str) -> ImportedNote:
    try:
        given = json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidRequestError(
            f"{place}: not valid JSON: {error.msg} (column {error.colno})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{place}: not JSON that can be read: {error}") from None
    if not isinstance(given, dict):
        raise InvalidRequestError(
            f"{place}: must be an object with {', '.join(_FIELDS)}, not {_kind(given)}"
        )
    for name in _FIELDS:
        if name not in given:
            raise InvalidRequestError(f"{place}: the field {name!r} is missing")
        if not isinstance(given[name], str):
            raise InvalidRequestError(f"{place}: {name!r} must be text, not {_kind(given[name])}")
    return ImportedNote(*(given[name] for name in _FIELDS))


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


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
