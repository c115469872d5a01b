"""Matches that a language model judges after the reply: what was matched, and the verdicts."""

import logging
from typing import TYPE_CHECKING, NamedTuple

from shared.cache import counters, index_entries, keyspace
from shared.cache.parse_replies import parse_answer
from shared.cache.redis.commands import Command
from shared.cache.scripts import get_answer_command

if TYPE_CHECKING:
    from shared.cache.raised_threshold import RaisedThreshold
    from shared.cache.redis.client import RedisClient

_log = logging.getLogger(__name__)


class MatchedQuestions(NamedTuple):
    """A question, and the question whose answer it got."""

    question: str
    matched_question: str
    answer: str


class JudgedMatches:
    """Reads a match by the id of its response, and counts its verdict."""

    def __init__(self, redis_client: "RedisClient", threshold: "RaisedThreshold") -> None:
        self._redis_client = redis_client
        self._threshold = threshold

    async def read(self, user_id: str, answer_id: str) -> MatchedQuestions | None:
        """Return a match by its user and `Reply.answer_id`.

        None if it is no longer in the cache: a note changed, its user reported the match or was
        deleted.

        Raises:
            CacheUnavailableError: Redis failed.
        """
        keys = keyspace.UserKeys.of(user_id)
        own_id, _, alias = answer_id.partition(".")
        own = await self._read_entry(keys, alias)
        if own is None or (own.kind, own.answer_id) != (index_entries.ALIAS, own_id):
            return None
        target = await self._read_entry(keys, own.target)
        command = get_answer_command(keys, own.target, own_id)
        (value,) = await self._redis_client.execute(command)
        answer = parse_answer(own_id, value).answer
        if target is None or answer is None:
            return None
        return MatchedQuestions(own.question, target.question, answer.text)

    async def count(self, *, wrong: bool | None, cost: float) -> None:
        """Count a verdict and its cost in US dollars; None is no verdict.

        Raises:
            CacheUnavailableError: Redis failed.
        """
        increments = {"spent_nanodollars": index_entries.nanodollars(cost)}
        raising = []
        if wrong is not None:
            increments |= {"matches_judged": 1, "matches_judged_wrong": int(wrong)}
            raising = self._threshold.count_commands(wrong=wrong)
        command = counters.count_command(0, **increments)
        _, *replies = await self._redis_client.execute(command, *raising)
        for raised in filter(None, replies):
            _log.warning(
                "too many matches were judged wrong: the similarity threshold is raised",
                extra={"log_fields": {"threshold": float(raised)}},
            )

    async def _read_entry(
        self, keys: keyspace.UserKeys, field: str
    ) -> "index_entries.Entry | None":
        command = Command.of("HGET", keys.questions, field)
        (sealed,) = await self._redis_client.execute(command)
        return index_entries.decode(sealed) if sealed else None
