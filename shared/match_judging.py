"""Use case: a language model judges a sample of semantic hits, after their replies.

A sample is only the ids of a user and of an answer, so no text outlives its user in a queue. What
was matched is read from the cache when it is judged. A sample that is lost is not sent again:
others replace it.
"""

import logging
import random
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.errors import CacheUnavailableError, InferenceError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.cache.feedback import Feedback
    from shared.cache.judged_matches import JudgedMatches
    from shared.inference.match_judge import MatchJudge
    from shared.reply import Reply

_log = logging.getLogger(__name__)


class JudgingOutcome(StrEnum):
    """How judging a match ended."""

    RIGHT = "right"
    WRONG = "wrong"
    """Its user does not get the answer again for this question."""
    DROPPED = "dropped"
    """The match is no longer in the cache: notes changed, or its user was deleted."""
    NO_VERDICT = "no_verdict"
    """The model failed or said neither. It counts neither as right nor as wrong."""
    CACHE_UNAVAILABLE = "cache_unavailable"


class MatchSampler:
    """Selects a share of semantic hits at random."""

    def __init__(self, share: float, send: "Callable[[str, str], Awaitable[None]] | None") -> None:
        """`send` takes the ids of the answer and of the user; without it nothing is selected."""
        self._share = share
        self._send = send

    async def offer(self, user_id: str, reply: "Reply") -> None:
        """Send a semantic hit to be judged, if it is selected."""
        is_selected = random.random() < self._share  # noqa: S311  # a sample is no secret
        if self._send and reply.answer_id and is_selected:
            await self._send(reply.answer_id, user_id)


class MatchJudging:
    """Judges matches, and removes those that are wrong as feedback of their user does."""

    def __init__(self, matches: "JudgedMatches", judge: "MatchJudge", feedback: "Feedback") -> None:
        self._matches = matches
        self._judge = judge
        self._feedback = feedback

    async def judge(self, answer_id: str, user_id: str) -> JudgingOutcome:
        """Judge the match of a response by its `answer_id`."""
        try:
            return await self._judge_match(user_id, answer_id)
        except CacheUnavailableError:
            return JudgingOutcome.CACHE_UNAVAILABLE

    async def _judge_match(self, user_id: str, answer_id: str) -> JudgingOutcome:
        match = await self._matches.read(user_id, answer_id)
        if match is None:
            return JudgingOutcome.DROPPED
        try:
            wrong, cost = await self._judge.judge(*match)
        except InferenceError as error:
            _log.warning("a match was not judged: %s", type(error).__name__)
            wrong, cost = None, error.cost
        if wrong:
            with suppress(NotFoundError):  # dropped meanwhile
                await self._feedback.reject_answer(user_id, answer_id)
        await self._matches.count(wrong=wrong, cost=cost)
        if wrong is None:
            return JudgingOutcome.NO_VERDICT
        return JudgingOutcome.WRONG if wrong else JudgingOutcome.RIGHT
