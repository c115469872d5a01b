"""Derives from a request the question that is looked up and answered.

A question that depends on its history is rewritten by a language model to one that stands alone. If
it cannot be rewritten, it is answered with its history and without the cache: its wording means
something else in another conversation.
"""

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from shared.cache.index_entries import nanodollars
from shared.cache.rewrites import RewriteSession
from shared.conversation import FollowUp, Turn, last_user_turn, latest_turns
from shared.errors import InferenceError, TercetError
from shared.local_day import load_time_zone
from shared.observability.timings import timed
from shared.question import MAX_CHARACTERS, Question, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from shared.cache.counters import PendingCounters
    from shared.cache.redis.client import RedisClient
    from shared.cache.user_budget import UserBudget
    from shared.inference.ports import Completion, QuestionRewriter
    from shared.settings import Settings

_log = logging.getLogger(__name__)


class RewriteDependencies(Protocol):
    """What a rewrite needs. A question without a history needs none of it."""

    @property
    def stands_alone(self) -> "Callable[[str, Sequence[str]], bool]":
        """Whether a wording can be understood without the turns before it."""

    @property
    def question_rewriter(self) -> "QuestionRewriter | None":
        """Rewrites questions; None without a language model."""

    @property
    def redis_client(self) -> "RedisClient | None":
        """The cache; None if it is switched off."""

    @property
    def user_budget(self) -> "UserBudget":
        """Limits what each user's questions generate in a day."""

    @property
    def pending_counters(self) -> "PendingCounters":
        """Counts the cost of rewrites."""


class QuestionResolver:
    """Derives questions from requests."""

    def __init__(self, dependencies: "RewriteDependencies", settings: "Settings") -> None:
        self._dependencies = dependencies
        self._settings = settings
        self._time_zone = load_time_zone(settings.time_zone)

    async def resolve(self, request: Request) -> Question:
        """Return the question of a request: as it was asked, rewritten, or unresolved.

        Raises:
            InvalidRequestError: the question is empty, too long or without a letter or digit, or
                its tags are invalid.
        """
        asked = self._parse(request.query, request.tags)
        turns = latest_turns(request.history)
        if not turns:
            return asked
        if self._dependencies.stands_alone(asked.wording, [turn.content for turn in turns]):
            return replace(asked, follow_up=FollowUp("not_needed"))
        began = asyncio.get_running_loop().time()
        unresolved = replace(
            self._parse(_search_text(asked, turns), asked.tags),
            wording=asked.wording,
            follow_up=FollowUp("unresolved", turns, began),
        )
        rewriter = self._dependencies.question_rewriter
        if rewriter is None:
            return unresolved
        try:
            with timed("rewrite"):
                text, fence = await self._rewrite(rewriter, request, asked.wording, turns)
            question = self._parse(text, asked.tags)
            return replace(question, follow_up=FollowUp("rewritten", (), began, fence))
        except TercetError as error:
            _log.warning("the question was not rewritten: %s", type(error).__name__)
        except Exception:
            _log.exception("unhandled exception while a question was rewritten")
        return unresolved

    def _parse(self, text: str, tags: "Collection[str]" = ()) -> Question:
        return Question.parse(text, self._settings.question_max_tokens, self._time_zone, tags)

    async def _rewrite(
        self,
        rewriter: "QuestionRewriter",
        request: Request,
        wording: str,
        turns: tuple[Turn, ...],
    ) -> tuple[str, str]:
        """Rewrite a question, or read its cached rewrite. Also return the fence before that."""

        async def rewrite() -> str:
            spend = self._dependencies.user_budget.spend
            counters, cost = self._dependencies.pending_counters, 0.0
            try:
                completion: Completion = await spend(
                    request.user_id, lambda: rewriter.rewrite(wording, turns)
                )
                cost = completion.cost
            except InferenceError as error:
                cost = error.cost
                raise
            finally:
                counters.add(spent_nanodollars=nanodollars(cost))
            self._parse(completion.text)  # an invalid question is not stored
            return completion.text

        session = RewriteSession(
            None if request.no_store else self._dependencies.redis_client,
            self._settings,
            user_id=request.user_id,
            parts=[rewriter.version, wording, *(part for turn in turns for part in turn)],
        )
        return await session.get_or_rewrite(rewrite), session.fence


def _search_text(asked: Question, turns: tuple[Turn, ...]) -> str:
    """Return the text that an unresolved question is searched with: it and the user's last turn."""
    return "\n".join([asked.wording, *last_user_turn(turns)])[:MAX_CHARACTERS]
