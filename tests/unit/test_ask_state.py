"""What requests of one process share."""

from types import SimpleNamespace
from typing import Any

from shared.ask_state import SharedResult
from shared.question import Question
from shared.reply import Reply


def test_request_that_waited_for_a_reply_without_notes_did_not_search() -> None:
    """It reads from the holder what it would have read from Redis: an empty context."""
    question = Question.parse("What is faith?")
    session: Any = SimpleNamespace(status="ok")
    reply = SharedResult(session, Reply.no_notes(question, "ok")).for_waiting(question, session)
    assert (reply.answer, reply.tier, reply.cache) == (None, "l3", "ok")
