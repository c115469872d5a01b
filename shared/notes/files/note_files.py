"""Finds the files of notes in a folder."""

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import InvalidRequestError

TEXT_SUFFIXES = (".md", ".markdown", ".txt")
LINES_SUFFIXES = (".jsonl", ".ndjson")
ACCEPTED = "a Markdown or text file (.md, .markdown, .txt), JSON Lines (.jsonl, .ndjson)"

_SUFFIXES = TEXT_SUFFIXES + LINES_SUFFIXES
_LOGSEQ_BACKUPS = ("logseq", "bak")


@dataclass(slots=True)
class FoundFile:
    """A file of notes: its path, the path relative to the folder, its size and its change time."""

    path: Path
    relative: Path
    size: int
    modified_ns: int


@dataclass(slots=True)
class FoundFiles:
    """The files of notes below a path, and what was skipped.

    `skipped` counts files of other types, symbolic links and unreadable folders.
    `unreadable_folders` are relative paths with the reasons.
    """

    files: list[FoundFile] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable_folders: dict[Path, str] = field(default_factory=dict)


def find_note_files(path: Path) -> FoundFiles:
    """Find every file of notes at `path`, a file or a folder, ordered by name.

    Of files with one name, Markdown precedes text. Hidden files and Logseq's backups are left out.
    Symbolic links below the folder are not followed.

    Raises:
        InvalidRequestError: the path does not exist or is a file of another type.
    """
    found = FoundFiles()
    if path.is_dir():
        _add_folder(found, path)
    elif not path.exists():
        raise InvalidRequestError(f"{path} does not exist; give {ACCEPTED} or a folder of them")
    elif not _add_file(found, path, Path(path.name)):
        raise InvalidRequestError(f"{path} is none of: {ACCEPTED}, a folder of them")
    found.files.sort(key=_order)
    return found


def _add_folder(found: FoundFiles, root: Path) -> None:
    def add_unreadable(error: OSError) -> None:
        relative = Path(error.filename).relative_to(root)
        found.unreadable_folders[relative] = error.strerror or "unknown error"
        found.skipped["unreadable_folders"] += 1

    for folder, names, file_names in os.walk(root, onerror=add_unreadable):
        relative = Path(folder).relative_to(root)
        visible = [name for name in names if _is_visible(relative / name)]
        names[:] = [name for name in visible if not Path(folder, name).is_symlink()]
        found.skipped["links"] += len(visible) - len(names)
        for name in filter(lambda name: _is_visible(relative / name), file_names):
            file = Path(folder, name)
            if file.is_symlink():
                found.skipped["links"] += 1
            elif not _add_file(found, file, relative / name):
                found.skipped["other_types"] += 1


def _add_file(found: FoundFiles, file: Path, relative: Path) -> bool:
    """Add a file; return False if it is not a regular file of an accepted type."""
    if file.suffix.lower() not in _SUFFIXES:
        return False
    try:
        status = file.stat()
    except OSError:  # deleted meanwhile
        return False
    if not stat.S_ISREG(status.st_mode):  # reading a named pipe would block
        return False
    found.files.append(FoundFile(file, relative, status.st_size, status.st_mtime_ns))
    return True


def _is_visible(relative: Path) -> bool:
    return not relative.name.startswith(".") and relative.parts != _LOGSEQ_BACKUPS


def _order(file: FoundFile) -> tuple[Path, int, Path]:
    suffix = _SUFFIXES.index(file.path.suffix.lower())
    return file.relative.with_suffix(""), suffix, file.relative
