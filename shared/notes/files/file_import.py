"""Reads the notes of Markdown, text and JSON Lines files, and of folders of them."""

import codecs
import json
import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from shared.errors import InvalidRequestError
from shared.notes.files.markdown import parse_markdown
from shared.notes.files.note_files import (
    ACCEPTED,
    LINES_SUFFIXES,
    FoundFile,
    find_note_files,
)
from shared.notes.files.text_encoding import BinaryFileError, decode_text
from shared.notes.messages.note_changed import MAX_TEXT, MAX_TITLE
from shared.notes.sanitize import normalize_newlines, require_id
from shared.tags import MAX_NOTE_TAGS, MAX_TAG_CHARACTERS, Tags, normalize_note_tags

_FIELDS = ("note_id", "title", "text")
_MAX_BYTES_PER_CHARACTER = 4  # in UTF-8, UTF-16 and UTF-32


class ImportedNote(NamedTuple):
    """A note of a file."""

    note_id: str
    title: str
    text: str
    tags: Tags = ()


@dataclass(slots=True)
class NoteFiles:
    """The notes of files.

    Attributes:
        notes: the notes, in the order of file names and lines.
        problems: why a note is not in `notes`; each begins with its place.
        warnings: notes that were read with a loss or a guess, and unreadable folders.
        skipped: the counts of `FoundFiles`, of binary files and of empty files.
        empty_ids: the ids of empty files, which are not in `notes`.
        places: the place of each note id, also of notes with a problem.
        unread_prefixes: prefixes of ids that unreadable files or folders may have.
    """

    notes: list[ImportedNote] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)
    unread_prefixes: list[str] = field(default_factory=list)
    empty_ids: set[str] = field(default_factory=set)

    def may_have(self, note_id: str) -> bool:
        """Whether a file has the note, or may have it but could not be read."""
        return note_id in self.places or note_id.startswith(tuple(self.unread_prefixes))


def read_note_files(path: Path, prefix: str = "") -> NoteFiles:
    """Read every note at `path`; a note with a problem does not affect the others.

    A Markdown or text file is one note, unless it is empty. Its id is its path relative to the
    folder, in Unicode's normal form C, without the suffix unless an earlier file has the same id.
    `parse_markdown` returns the title and the text of Markdown; the text of a text file is not
    changed. A note without a title has the file's name. A line of JSON is an object with
    `note_id`, `title`, `text` and optional `tags`.

    Args:
        path: a file or a folder.
        prefix: precedes every id; as `normalize_prefix` returns it.

    Raises:
        InvalidRequestError: the path does not exist, is of another type, or has no file of notes.
    """
    found = find_note_files(path)
    result = NoteFiles(skipped=found.skipped)
    for folder, reason in found.unreadable_folders.items():
        result.warnings.append(f"{_display(path / folder)}: cannot be read: {reason}")
        result.unread_prefixes.append(f"{prefix}{_to_id(folder)}/")
    for file in found.files:
        place = _display(file.path)
        try:
            if file.path.suffix.lower() in LINES_SUFFIXES:
                _add_lines(result, file.path, place, prefix)
            else:
                _add_text_file(result, file, place, prefix)
        except BinaryFileError:
            result.skipped["binary_files"] += 1
            result.warnings.append(f"{place}: not text; skipped")
        except InvalidRequestError as error:
            result.problems.append(f"{place}: {error}")
    if not (result.notes or result.problems or result.empty_ids):
        details = "".join(f"; {warning}" for warning in result.warnings)
        raise InvalidRequestError(
            f"{path} has no notes; give {ACCEPTED} or a folder of them{details}"
        )
    return result


def normalize_prefix(prefix: str) -> str:
    """Return the prefix of ids in a folder: empty, or with one slash at its end."""
    name = unicodedata.normalize("NFC", prefix).strip("/")
    return f"{name}/" if name else ""


def _add_text_file(result: NoteFiles, file: FoundFile, place: str, prefix: str) -> None:
    note_id = prefix + _to_id(file.relative.with_suffix(""))
    if note_id in result.places:
        note_id = prefix + _to_id(file.relative)
    try:
        _reserve_id(result, note_id, place)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{error}; rename the file or its folder") from None
    if file.size > MAX_TEXT * _MAX_BYTES_PER_CHARACTER:
        raise InvalidRequestError(
            f"the file has {file.size:,} bytes; the maximum is {MAX_TEXT:,} characters: split it"
        )
    text, warning = decode_text(_read(file.path))
    if warning:
        result.warnings.append(f"{place}: {warning}")
    if not text.strip():
        result.skipped["empty_files"] += 1
        result.empty_ids.add(note_id)
        return
    title, reduced, tags = parse_markdown(text)
    if file.path.suffix.lower() == ".txt":
        reduced, tags = normalize_newlines(text), ()
    name = unicodedata.normalize("NFC", file.path.stem)
    _add_note(result, place, ImportedNote(note_id, title or name, reduced, tags))


def _add_lines(result: NoteFiles, path: Path, place: str, prefix: str) -> None:
    problems = len(result.problems)
    try:
        data = _read(path)
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            data = decode_text(data).text.encode()
        # str.splitlines would split at line separators within JSON strings.
        for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
            if line.strip():
                line_place = f"{place}, line {number}"
                try:
                    note = _parse_line(line)
                    note = note._replace(note_id=prefix + note.note_id)
                    _reserve_id(result, note.note_id, line_place)
                    _add_note(result, line_place, note)
                except InvalidRequestError as error:
                    result.problems.append(f"{line_place}: {error}")
    except InvalidRequestError:
        result.unread_prefixes.append(prefix)
        raise
    if len(result.problems) > problems:
        result.unread_prefixes.append(prefix)


def _parse_line(line: bytes) -> ImportedNote:
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"not valid UTF-8 at 0x{line[error.start]:02x}; save it as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise InvalidRequestError(f"not valid JSON: {error.msg} (column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise InvalidRequestError(
            f"must be an object with {', '.join(_FIELDS)}, not {_json_type(values)}"
        )
    for name in _FIELDS:
        if name not in values:
            raise InvalidRequestError(f"field {name!r} is missing")
        if not isinstance(values[name], str):
            raise InvalidRequestError(f"{name!r} must be text, not {_json_type(values[name])}")
    tags = values.get("tags") or []
    if not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise InvalidRequestError("'tags' must be a list of texts")
    return ImportedNote(values["note_id"], values["title"], values["text"], tuple(tags))


def _reserve_id(result: NoteFiles, note_id: str, place: str) -> None:
    require_id("note_id", note_id)
    if note_id in result.places:
        raise InvalidRequestError(
            f"note_id {note_id!r} is also that of {result.places[note_id]}; note ids must be unique"
        )
    result.places[note_id] = place


def _add_note(result: NoteFiles, place: str, note: ImportedNote) -> None:
    title, text = note.title, note.text
    if len(text) > MAX_TEXT:
        raise InvalidRequestError(
            f"the text has {len(text):,} characters; the maximum is {MAX_TEXT:,}: split it"
        )
    if len(title) > MAX_TITLE:
        title = title[: MAX_TITLE - 1] + "…"
    tags = normalize_note_tags(note.tags)
    kept = tuple(tag for tag in tags if len(tag) <= MAX_TAG_CHARACTERS)[:MAX_NOTE_TAGS]
    if kept != tags:
        result.warnings.append(
            f"{place}: has {len(tags)} tags; only {len(kept)} are kept: at most {MAX_NOTE_TAGS},"
            f" of at most {MAX_TAG_CHARACTERS} characters"
        )
    result.notes.append(ImportedNote(note.note_id, title, text, kept))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"cannot be read: {error.strerror}") from error


def _to_id(relative: Path) -> str:
    return unicodedata.normalize("NFC", relative.as_posix())


def _display(path: Path) -> str:
    """Return a path that can be printed, also if its name is not valid UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")
