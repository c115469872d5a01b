"""Builds the script calls of one question. Pure."""

import time
from typing import TYPE_CHECKING

from shared.cache import counters, index_entries, keyspace
from shared.cache.redis.commands import Argument, Command, Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.cache.index_entries import Entry
    from shared.cache.single_flight import SingleFlightLock
    from shared.settings import Settings

_LOOKUP, _GET_ANSWER, _STORE_ALIAS, _STORE = map(
    Script, ("lookup", "get_answer", "store_alias", "store")
)


def get_answer_command(keys: keyspace.UserKeys, field: str, answer_id: str) -> Command:
    """Read the answer of a user's question, if it still has this id."""
    return _GET_ANSWER.call([keys.questions, keys.answers], field, answer_id, int(time.time()))


class QuestionScripts:
    """The script calls of one question. `counts` are counters and increments, in pairs."""

    def __init__(
        self,
        keys: keyspace.UserKeys,
        field: str,
        lock: "SingleFlightLock",
        settings: "Settings",
        fence: str = "",
    ) -> None:
        """`field` is the question's in its user's hashes; `fence` as for `CacheSession`."""
        self._keys = keys
        self._field = field
        self._lock = lock
        self._settings = settings
        self._first_fence = fence

    @property
    def store_fence(self) -> str:
        """The fence that must be the user's when the request stores."""
        return self._first_fence or self._lock.fence

    @property
    def counter_keys(self) -> tuple[str, str, str]:
        """The last keys of every script that counts."""
        return counters.counter_keys(self._keys.partition)

    def lookup(self, purpose: str, *, aliases: bool, counts: "Sequence[Argument]") -> Command:
        """Call lookup.lua, for a purpose that is described there."""
        return _LOOKUP.call(
            [*self._keys.hashes, *self.counter_keys],
            self._field,
            self._lock.token,
            int(time.time()),
            self._ttl,
            purpose,
            int(aliases),
            self._settings.stale_if_error_seconds,
            self._settings.answer_ttl,
            *counts,
        )

    def get_answer(self, field: str, entry: "Entry") -> Command:
        """Read the answer of another question."""
        return get_answer_command(self._keys, field, entry.answer_id)

    def store_alias(self, alias: "Entry", pair: str, *, counts: "Sequence[Argument]") -> Command:
        """Store an alias of another question; `pair` is both questions' field in the refusals."""
        return _STORE_ALIAS.call(
            [*self._keys.hashes, self._lock.key, self._keys.refusals, *self.counter_keys],
            self._field,
            self.store_fence,
            index_entries.encode(alias),
            alias.target,
            pair,
            int(time.time()),
            self._lock.token,
            self._settings.max_questions,
            self._settings.stale_if_error_seconds,
            self._settings.answer_ttl,
            *counts,
        )

    def store(self, entry: "Entry", value: bytes, *, counts: "Sequence[Argument]") -> Command:
        """Store an answer with its sources, or a context: `value` is what the entry names."""
        return _STORE.call(
            [*self._keys.hashes, self._lock.key, *self.counter_keys],
            self._field,
            self.store_fence,
            index_entries.encode(entry),
            value,
            self._settings.answer_ttl,
            self._lock.token,
            self._settings.max_questions,
            self._settings.stale_if_error_seconds,
            *counts,
        )

    @property
    def _ttl(self) -> int:
        return self._settings.answer_ttl + self._settings.stale_if_error_seconds
