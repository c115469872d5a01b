"""How the scripts of `lua/` are called for one question of one user. Pure.

Each takes the user's hashes first, and last the events that are to be counted with it.
"""

import secrets
import time
from typing import TYPE_CHECKING

from shared.cache import counters, index_entries, keyspace
from shared.cache.redis.commands import Argument, Command, Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.cache.index_entries import Entry
    from shared.settings import Settings

_LOOKUP, _GET_ANSWER, _STORE_ALIAS, _STORE, _TRIM_INDEX = map(
    Script, ("lookup", "get_answer", "store_alias", "store", "trim_index")
)


class Scripts:
    """The calls for one question; `field` names it in its user's hashes."""

    def __init__(self, keys: keyspace.UserKeys, field: str, settings: "Settings") -> None:
        """`keys` are its user's."""
        self._keys = keys
        self._field = field
        self._settings = settings

    @property
    def names(self) -> tuple[str, str, str, str]:
        """The user's hashes, and the counters of today."""
        keys = self._keys
        return keys.questions, keys.answers, keys.contexts, counters.todays_key(keys.partition)

    def lookup(
        self, purpose: str, field: str, *, aliases: bool, counts: "Sequence[Argument]"
    ) -> Command:
        """Read an answer to `ask`, to `wait` for somebody else's, or a `stale` one."""
        return _LOOKUP.call(
            self.names,
            field,
            secrets.token_urlsafe(12),
            int(time.time()),
            self._ttl,
            counters.TTL,
            purpose,
            int(aliases),
            self._settings.stale_if_error_seconds,
            *counts,
        )

    def get_answer(self, field: str, entry: "Entry") -> Command:
        """Read the answer of another question."""
        return _GET_ANSWER.call(self.names[:3], field, entry.answer_id, int(time.time()))

    def store_alias(
        self, alias: "Entry", *, lock: str, token: str, fence: str, counts: "Sequence[Argument]"
    ) -> Command:
        """Share the answer of another question, to which `alias` points."""
        return _STORE_ALIAS.call(
            [*self.names, lock, self._keys.entry_counts],
            self._field,
            fence,
            index_entries.encode(alias),
            alias.target,
            int(time.time()),
            token,
            counters.TTL,
            *counts,
        )

    def store(
        self,
        entry: "Entry",
        answer: bytes,
        context: bytes,
        *,
        lock: str,
        token: str,
        fence: str,
        counts: "Sequence[Argument]",
    ) -> Command:
        """Store an answer with its context, or (with b"" for the answer) a context alone."""
        return _STORE.call(
            [*self.names, lock, self._keys.entry_counts],
            self._field,
            fence,
            index_entries.encode(entry),
            answer,
            context,
            self._ttl,
            token,
            counters.TTL,
            *counts,
        )

    def trim_index(self) -> Command:
        """Keep the user's index within its bound."""
        names = [*self.names, self._keys.entry_counts]
        return _TRIM_INDEX.call(names, self._settings.max_questions, self._field, counters.TTL)

    @property
    def _ttl(self) -> int:
        return self._settings.answer_ttl + self._settings.stale_if_error_seconds
