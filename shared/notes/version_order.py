"""Decides which of two changes of a note counts; every store applies this rule.

Messages can be late, duplicated and in any order. A note's version increases with each change, so
the result depends on the set of messages and not on their order.
"""

import hashlib
from dataclasses import dataclass

TOMBSTONE_SECONDS = 15 * 86_400.0
"""The time for which tombstones are stored. Queues deliver a message for at most 14 days."""


@dataclass(frozen=True, slots=True)
class VersionState:
    """The versions that a store has of one note; None where there is none.

    `version` is the note's and `deleted_version` its tombstone's. `user_deleted_at` is the time at
    which the user was deleted, in microseconds since 1970 UTC.
    """

    version: int | None = None
    deleted_version: int | None = None
    user_deleted_at: int | None = None

    def accepts_note(self, version: int, changed_at: int) -> bool:
        """Whether a note of this version replaces the stored state."""
        return (
            not self._is_user_deleted(changed_at)
            and (self.version is None or self.version <= version)
            and (self.deleted_version is None or self.deleted_version < version)
        )

    def accepts_deletion(self, version: int, changed_at: int) -> bool:
        """Whether a deletion at this version counts, even if there is no note to delete."""
        if self._is_user_deleted(changed_at):
            return self.version is None
        return self.version is None or self.version <= version

    def has_tombstone(self, version: int, changed_at: int) -> bool:
        """Whether an accepted deletion needs no new tombstone."""
        return self._is_user_deleted(changed_at) or (
            self.deleted_version is not None and self.deleted_version >= version
        )

    def _is_user_deleted(self, changed_at: int) -> bool:
        return self.user_deleted_at is not None and self.user_deleted_at >= changed_at


def user_digest(user_id: str) -> bytes:
    """Return the SHA-256 of a user's id, which is stored when the user is deleted."""
    return hashlib.sha256(user_id.encode()).digest()
