"""A question in progress, and what it shares with equal ones in its process."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from shared.answer_stream import AnswerStream
    from shared.cache.results import MissContext
    from shared.cache.session import CacheSession
    from shared.inference.ports import Completion
    from shared.notes.note import Source
    from shared.question import Question, Request

    Spend: TypeAlias = Callable[[str, Callable[[], Awaitable[Completion]]], Awaitable[Completion]]


@dataclass(slots=True)
class AskState:
    """One request in progress. `sources` are what the answer is generated from, once known.

    `spend` generates within a budget, as `UserBudget.spend`, which it replaces if it is given.
    """

    request: "Request"
    question: "Question"
    session: "CacheSession"
    stream: "AnswerStream[SharedResult]"
    sources: "Sequence[Source] | None" = None
    spend: "Spend | None" = None

    def lock_holder(self, context: "MissContext") -> tuple[str, bool] | None:
        """Return a key of the request that holds the lock; None without a lock.

        Requests that refuse the answers to other questions (`exact`) have keys of their own.
        """
        return (context.lock_holder, self.request.exact) if context.lock_holder else None


@dataclass(frozen=True, slots=True)
class SharedResult:
    """A leader's reply or error, for the followers in its process."""

    session: "CacheSession"
    reply: Reply | Exception

    def for_follower(self, question: "Question", session: "CacheSession") -> Reply:
        """Return the reply for a follower that made no lookup, or raise the error."""
        if isinstance(self.reply, Exception):
            session.count_follower(self.session, "failed")
            raise self.reply.with_traceback(None)  # else each follower adds to its traceback
        reply = self.reply.for_follower(question)
        cost = reply.answer.cost if reply.answer else 0.0
        session.count_follower(self.session, reply.outcome, cost)
        return reply

    def for_waiting(self, question: "Question", session: "CacheSession") -> Reply:
        """Return the reply for a request that has waited for the leader's lock, or raise the error.

        Its own lookup had found nothing, and it read the fence that the leader read.
        """
        if isinstance(self.reply, Exception):
            raise self.reply.with_traceback(None)
        if self.reply.answer is None:  # as an empty context that it would have read from Redis
            return Reply.no_notes(question, session.status, tier="l3")
        reply = replace(self.reply, cache=session.status).for_follower(question)
        if reply.outcome == "coalesced":
            session.counters.count_coalesced(reply.answer.cost if reply.answer else 0.0)
        return reply
