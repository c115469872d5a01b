"""Whatever comes in, what goes out is a response: `make eval` sends fifteen times as much."""

from collections.abc import Iterator

import pytest

from tests.support.fuzzing import batches, events
from tests.support.fuzzing.document import Door, opened
from tests.support.fuzzing.drawing import send_all
from tests.support.fuzzing.targets import CONTEXT, Targets, targets


@pytest.fixture(scope="module")
def fired_at() -> Iterator[Targets]:
    with targets() as made:
        yield made


def test_an_event_of_a_gateway_gets_an_answer_or_a_problem_and_refusals_store_nothing(
    fired_at: Targets,
) -> None:
    assert send_all(events.events(), fired_at.send, 400) >= 400


def test_a_damaged_event_gets_a_problem_and_nothing_is_stored(fired_at: Targets) -> None:
    assert send_all(events.broken_events(), fired_at.send, 200) >= 200


def test_what_is_no_event_of_http_is_not_acknowledged(fired_at: Targets) -> None:
    assert send_all(events.not_of_http, fired_at.send, 100) >= 100


def test_a_batch_of_messages_fails_where_one_can_never_be_applied_and_nowhere_else(
    fired_at: Targets,
) -> None:
    assert send_all(batches.messages, fired_at.deliver, 200) >= 200


def test_a_batch_that_no_queue_made_acknowledges_nothing_that_was_not_applied(
    fired_at: Targets,
) -> None:
    assert send_all(batches.damaged(), fired_at.deliver_damaged, 150) >= 150


@pytest.mark.parametrize("kind", events.KINDS)
def test_through_every_gateway_a_question_is_read_and_answered(
    fired_at: Targets, kind: str
) -> None:
    """Else what is drawn for it would all end at the door."""
    asked = events.event(kind, body='{"query": "What is faith?"}')
    assert fired_at.gateway(asked, CONTEXT)["statusCode"] == 200
    told = events.event(kind, method="GET", path="/assistant/cache-stats")
    assert fired_at.gateway(told, CONTEXT)["statusCode"] == 200
    empty = events.event(kind, body="{}")
    assert fired_at.gateway(empty, CONTEXT)["statusCode"] == 422
    fired_at.begin_again()


def test_the_same_number_draws_the_same_inputs_and_another_draws_others() -> None:
    def drawn(by: int) -> list[object]:
        seen: list[object] = []
        send_all(batches.messages, seen.append, 20, drawn_by=by)
        return seen

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with opened() as made:
        yield made


def test_answers_are_what_the_document_says(door: Door) -> None:
    assert send_all(door.cases(), door.send, 300) >= 300


def test_the_document_has_every_operation(door: Door) -> None:
    assert {
        "POST /assistant/query",
        "POST /assistant/feedback",
        "POST /notes/changes",
        "GET /assistant/cache-stats",
        "GET /metrics",
        "GET /health",
    } <= set(door.operations)
