"""Hostile inputs get a response below 500, and refusals store nothing.

`python -m tests.evaluation fuzz_inputs` checks more inputs.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.fuzzing import gateway_events, sqs_batches
from tests.support.fuzzing.handlers import CONTEXT, Handlers, running_handlers
from tests.support.fuzzing.runner import run_property

if TYPE_CHECKING:
    from tests.support.fuzzing.openapi_requests import OpenAPIClient


# One process imports it: that takes longer than to import all other modules of the tests.
_SCHEMATHESIS = pytest.mark.xdist_group("schemathesis")


@pytest.fixture(scope="module")
def handlers() -> Iterator[Handlers]:
    with running_handlers() as running:
        yield running


@pytest.mark.parametrize("count", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_hostile_event_gets_an_answer_or_a_problem_and_refusals_store_nothing(
    handlers: Handlers, count: int
) -> None:
    events = gateway_events.hostile_events()
    assert run_property(events, handlers.check_event, count) >= count


@pytest.mark.parametrize("count", [25, pytest.param(200, marks=pytest.mark.slow)])
def test_malformed_event_gets_a_problem_and_stores_nothing(handlers: Handlers, count: int) -> None:
    events = gateway_events.malformed_events()
    assert run_property(events, handlers.check_event, count) >= count


@pytest.mark.parametrize("count", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_non_http_event_is_not_acknowledged(handlers: Handlers, count: int) -> None:
    assert run_property(gateway_events.non_http_events, handlers.check_event, count) >= count


@pytest.mark.parametrize("count", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_batch_fails_exactly_for_invalid_messages(handlers: Handlers, count: int) -> None:
    assert run_property(sqs_batches.messages, handlers.check_messages, count) >= count


@pytest.mark.parametrize("count", [40, pytest.param(150, marks=pytest.mark.slow)])
def test_malformed_batch_acknowledges_only_applied_messages(handlers: Handlers, count: int) -> None:
    batches = sqs_batches.malformed_batches()
    assert run_property(batches, handlers.check_malformed_batch, count) >= count


@pytest.mark.parametrize("kind", gateway_events.KINDS)
def test_valid_event_of_each_gateway_is_answered(handlers: Handlers, kind: str) -> None:
    """Otherwise every generated event would be refused before it reaches the app."""
    question = gateway_events.gateway_event(kind, body='{"query": "What is faith?"}')
    assert handlers.gateway(question, CONTEXT)["statusCode"] == 200
    stats = gateway_events.gateway_event(kind, method="GET", path="/assistant/cache-stats")
    assert handlers.gateway(stats, CONTEXT)["statusCode"] == 200
    empty = gateway_events.gateway_event(kind, body="{}")
    assert handlers.gateway(empty, CONTEXT)["statusCode"] == 422
    handlers.reset()


def test_seed_number_determines_the_inputs() -> None:
    def draw(seed_number: int) -> list[object]:
        drawn: list[object] = []
        run_property(sqs_batches.messages, drawn.append, 20, seed_number=seed_number)
        return drawn

    assert draw(1) == draw(1) != draw(2)


@pytest.fixture(scope="module")
def client() -> "Iterator[OpenAPIClient]":
    from tests.support.fuzzing.openapi_requests import openapi_client  # noqa: PLC0415 - see above

    with openapi_client() as connected:
        yield connected


@_SCHEMATHESIS
@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_responses_conform_to_the_openapi_document(client: "OpenAPIClient", count: int) -> None:
    assert run_property(client.cases(), client.check, count) >= count


@_SCHEMATHESIS
def test_openapi_document_has_every_operation(client: "OpenAPIClient") -> None:
    assert {
        "POST /v1/assistant/query",
        "POST /v1/assistant/feedback",
        "POST /v1/notes/changes",
        "GET /v1/assistant/cache-stats",
        "GET /v1/metrics",
        "GET /v1/health",
    } <= set(client.operations)
