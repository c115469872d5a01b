"""Which of two changes of a note stands: the rule that every store keeps.

Messages come late, twice and in any order. A note's versions grow with its changes, so the
outcome depends on which messages came, never on when.
"""

import hashlib
from dataclasses import dataclass

TOMBSTONE_SECONDS = 15 * 86_400.0
"""How long a deletion is remembered. Queues deliver a message for 14 days at most."""


@dataclass(frozen=True, slots=True)
class VersionState:
    """What a store knows of one note of one user; None where there is nothing to know.

    `version` and `deleted_version` are those of the note and of its tombstone;
    `user_deleted_at` is when the user was deleted, in microseconds since 1970 UTC.
    """

    version: int | None = None
    deleted_version: int | None = None
    user_deleted_at: int | None = None

    def accepts_note(self, version: int, changed_at: int) -> bool:
        """Whether a note of this version takes the place of what is state."""
        return (
            not self._is_user_deleted(changed_at)
            and (self.version is None or self.version <= version)
            and (self.deleted_version is None or self.deleted_version < version)
        )

    def accepts_deletion(self, version: int, changed_at: int) -> bool:
        """Whether a deletion at this version stands; it does where there is nothing to delete."""
        if self._is_user_deleted(changed_at):
            return self.version is None
        return self.version is None or self.version <= version

    def has_tombstone(self, version: int, changed_at: int) -> bool:
        """Whether a deletion that stands is already remembered, so that nothing need be kept."""
        return self._is_user_deleted(changed_at) or (
            self.deleted_version is not None and self.deleted_version >= version
        )

    def _is_user_deleted(self, changed_at: int) -> bool:
        return self.user_deleted_at is not None and self.user_deleted_at >= changed_at


def user_digest(user_id: str) -> bytes:
    """SHA-256 of the user id: all that is kept of a deleted user, beside the time."""
    return hashlib.sha256(user_id.encode()).digest()
