"""Records what was imported.

`--prune` deletes only notes that were imported from the folder, and the import after an unfinished
one drops the answers that the unfinished one may have left.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import ConfigurationError

_FILE = "imports.json"


class ImportRecord:
    """The notes that a user imported from one folder under one prefix.

    The file in the data folder has only hashes, so that it needs no change when a user is deleted.
    """

    def __init__(self, data: Path, user_id: str, folder: Path, prefix: str) -> None:
        """Read the record; `folder` may be written in any way.

        Raises:
            ConfigurationError: the file is not valid.
        """
        self._path = data / _FILE
        self._user = _hash(user_id)
        self._key = _hash(user_id, str(folder.resolve()), prefix)
        self._hashes = frozenset(self._read().get(self._key, ()))

    def __contains__(self, note_id: str) -> bool:
        """Whether an import wrote the note."""
        return _hash(note_id) in self._hashes

    def add(self, note_ids: Iterable[str]) -> None:
        """Record imported notes.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        hashes = self._hashes | {_hash(note_id) for note_id in note_ids}
        if hashes == self._hashes:
            return
        self._hashes = hashes
        written = self._path.with_suffix(f".{os.getpid()}")  # imports may be concurrent
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            written.write_text(json.dumps(self._read() | {self._key: sorted(hashes)}))
            written.replace(self._path)
        except OSError as error:
            written.unlink(missing_ok=True)
            raise ConfigurationError(f"cannot write {self._path}: {error.strerror}") from None

    @contextmanager
    def unfinished(self) -> Iterator[bool]:
        """Mark this import as unfinished; yield whether an earlier one of the user did not finish.

        A note may then be stored although the cached answers from its former text were not dropped.
        """
        earlier = [*self._path.parent.glob(f"unfinished-{self._user}-*")]
        own = self._path.with_name(f"unfinished-{self._user}-{os.getpid()}")
        own.touch()
        yield bool(earlier)
        for each in {own, *earlier}:
            each.unlink(missing_ok=True)

    def _read(self) -> dict[str, list[str]]:
        try:
            records = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            records = None
        if not isinstance(records, dict):
            raise ConfigurationError(
                f"{self._path} is not valid; delete it: --prune then ignores earlier imports"
            )
        return records


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()[:32]
