"""Answers a question and adds the answer's fields to its log line."""

from typing import TYPE_CHECKING

from functions.ask.metrics import question_metrics
from functions.http.middleware import add_log_fields
from shared.errors import UnavailableError

if TYPE_CHECKING:
    from starlette.types import Scope

    from shared.answer_stream import AnswerStream
    from shared.ask_state import SharedResult
    from shared.container import Container
    from shared.question import Request
    from shared.reply import Reply


async def ask_and_log(
    scope: "Scope",
    container: "Container",
    request: "Request",
    stream: "AnswerStream[SharedResult] | None" = None,
) -> "Reply":
    """Answer a question; `scope` is that of the HTTP request whose log line gets the fields."""
    try:
        reply = await container.assistant.ask(request, stream)
    except UnavailableError as error:
        cost = getattr(error, "cost", 0.0)
        breakers = container.circuit_breakers.state
        add_log_fields(scope, question_metrics(None, breakers=breakers, failure_cost=cost))
        raise
    _log_reply(scope, container, request, reply)
    return reply


def _log_reply(scope: "Scope", container: "Container", request: "Request", reply: "Reply") -> None:
    log_fields = question_metrics(reply, breakers=container.circuit_breakers.state)
    log_fields["tier"] = reply.tier
    log_fields["match"] = reply.match
    log_fields["cache"] = reply.cache
    if reply.answer and reply.answer.incomplete:
        log_fields["incomplete"] = True
    if reply.match_rejection:
        log_fields["match_rejection"] = reply.match_rejection.partition(":")[0]
    if reply.question.follow_up:
        log_fields["history"] = reply.question.follow_up.use
    if container.settings.log_questions:  # as it was asked: a rewritten one holds its history
        log_fields["question"] = request.query.strip()
    add_log_fields(scope, log_fields)
