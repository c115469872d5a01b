"""Decides which of two changes of a note counts; every store applies this rule.

Messages can be late, duplicated and in any order. The result depends on the set of messages and not
on their order (docs/decisions/0032-order-of-note-changes.md).
"""

import hashlib
import logging
import time
from dataclasses import dataclass

from shared.tags import Tags

TOMBSTONE_SECONDS = 15 * 86_400.0
"""The time for which tombstones are stored. Queues deliver a message for at most 14 days."""

MAX_AHEAD = 300_000_000
"""Microseconds that a change's time may be ahead of this machine's clock."""

_log = logging.getLogger(__name__)


def now() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


def latest_plausible() -> int:
    """Return the latest time that is not in the future, in microseconds since 1970 UTC."""
    return now() + MAX_AHEAD


@dataclass(frozen=True, slots=True)
class Order:
    """The place of a change among the changes of its note.

    `version` is the sender's count, or equal to `changed_at` if the sender does not count.
    `content` is the note's title, text and tags, or None for its deletion. `sequence` is the number
    of the change in the sequence of the sender's database, or None.
    """

    version: int
    changed_at: int
    content: tuple[str, str, Tags] | None = None
    sequence: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether `version` is a count and not a time."""
        return self.version != self.changed_at

    def is_older(self, other: "Order") -> bool:
        """Whether `other` replaces this stored order.

        A change with a sequence is newer than one without; of two, the greater sequence is newer.
        Otherwise times are compared unless both changes are counted. Of equal numbers a deletion is
        newer than a note; then the later time is newer, and then the greater content. A stored time
        in the future is older than any.
        """
        if self.sequence is not None or other.sequence is not None:
            return self.rank(self.place) < other.rank(other.place)
        if self.is_counted != other.is_counted:
            _log.warning(
                "changes of a note with and without a version: their times are compared",
                extra={"log_fields": {"fields": ["version", "occurred_at"]}},
            )
        by_version = self.is_counted and other.is_counted
        if not by_version and self.changed_at > latest_plausible():
            return True
        if by_version:
            return self.rank(self.version) < other.rank(other.version)
        return self.rank(self.changed_at) < other.rank(other.changed_at)

    @property
    def place(self) -> int:
        """The sequence, or a number below every sequence."""
        return -1 if self.sequence is None else self.sequence

    def rank(self, number: int) -> tuple[int, bool, int, tuple[str, str, Tags]]:
        """Return the sort key: the newest change has the greatest."""
        return number, self.content is None, self.changed_at, self.content or ("", "", ())


@dataclass(frozen=True, slots=True)
class VersionState:
    """What a store has of one note: the note or its tombstone, and the deletion of its user.

    `user_deleted_at` is the time at which the user was deleted, in microseconds since 1970 UTC.
    None where there is none.
    """

    stored: Order | None = None
    user_deleted_at: int | None = None

    def accepts(self, change: Order, replaces: int | None = None) -> bool:
        """Whether a change counts: it is not older than what is stored, which is `replaces`."""
        if replaces is not None and replaces != self._note_changed_at():
            return False
        if self.is_user_deleted(change):
            # The note of a later account with the same id is not deleted.
            return change.content is None and not self.has_note()
        if self.stored is None or self.stored == change:
            return True
        # A deletion counts if the note is deleted, also an older one.
        return (change.content is None and not self.has_note()) or self.stored.is_older(change)

    def needs_tombstone(self, deletion: Order) -> bool:
        """Whether an accepted deletion must be stored."""
        return not self.is_user_deleted(deletion) and (
            self.stored is None or self.has_note() or self.stored.is_older(deletion)
        )

    def _note_changed_at(self) -> int:
        """Return the time of the note's last change; 0 if it does not exist."""
        return self.stored.changed_at if self.stored and self.has_note() else 0

    def has_note(self) -> bool:
        """Whether the note exists."""
        return self.stored is not None and self.stored.content is not None

    def is_user_deleted(self, change: Order) -> bool:
        """Whether the user was deleted after the change, or at the same time."""
        return (
            self.user_deleted_at is not None
            and change.changed_at <= self.user_deleted_at <= latest_plausible()
        )


def user_digest(user_id: str) -> bytes:
    """Return the SHA-256 of a user's id, which is stored when the user is deleted."""
    return hashlib.sha256(user_id.encode()).digest()
