"""Whatever comes in, what goes out is a response: `make eval` sends twenty times as much."""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

from tests.support.fuzzing import events, values
from tests.support.fuzzing.document import Door, opened
from tests.support.fuzzing.drawing import send_all
from tests.support.fuzzing.targets import Targets, targets


@pytest.fixture(scope="module")
def fired_at() -> Iterator[Targets]:
    with targets() as made:
        yield made


def test_an_event_of_a_gateway_gets_an_answer_or_a_problem_and_refusals_store_nothing(
    fired_at: Targets,
) -> None:
    assert send_all(events.events(), fired_at.send, 400, shrink=True) >= 400


def test_a_damaged_event_gets_a_problem_and_nothing_is_stored(fired_at: Targets) -> None:
    assert send_all(events.broken_events(), fired_at.send, 200, shrink=True) >= 200


def test_what_is_no_event_of_http_is_not_acknowledged(fired_at: Targets) -> None:
    assert send_all(events.not_of_http, fired_at.send, 100, shrink=True) >= 100


def test_a_batch_of_messages_fails_where_one_can_never_be_applied_and_nowhere_else(
    fired_at: Targets,
) -> None:
    batches = st.lists(values.changes, min_size=1, max_size=4)
    assert send_all(batches, fired_at.deliver, 300, shrink=True) >= 300


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with opened() as made:
        yield made


def test_answers_are_what_the_document_says(door: Door) -> None:
    assert send_all(door.cases(), door.send, 300, shrink=True) >= 300


def test_the_document_has_every_operation(door: Door) -> None:
    assert {
        "POST /assistant/query",
        "POST /assistant/feedback",
        "POST /notes/changes",
        "GET /assistant/cache-stats",
        "GET /metrics",
        "GET /health",
    } <= set(door.operations)
