"""Backoff of failed messages by their visibility timeout."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from functions.invalidate.handler import QueueHandler
from functions.invalidate.handler import handler as deployed
from functions.invalidate.redelivery import BACKOFF_SECONDS, RedeliveryBackoff, redelivery_delay
from shared.errors import InvalidChangeError, UnavailableError
from shared.settings import Settings
from tests.support.event_source import EventSourceMapping, serving_sqs, sqs_environment, take_bodies
from tests.support.queues import Context, body, failed, make_container, record
from tests.support.servers import CountingProxy
from tests.support.templates import TEMPLATES
from tests.support.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator["SQSClient"]:
    with serving_sqs() as client:
        for name, value in sqs_environment(client).items():
            monkeypatch.setenv(name, value)
        yield client


def max_receive_count() -> int:
    """Receives before the deployed queue moves a message to its dead-letter queue."""
    return int(TEMPLATES["infra/aws/queue.yaml"]["Parameters"]["MaxReceives"]["Default"])


async def test_change_is_applied_within_seconds_after_a_short_outage(
    sqs: "SQSClient", valkey_url: str, tmp_path: Path
) -> None:
    """The queue's own visibility timeout is six minutes, as deployed."""
    dead = sqs.create_queue(QueueName="backoff-dead-letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 3}
    queue = sqs.create_queue(
        QueueName="backoff",
        Attributes={"VisibilityTimeout": "360", "RedrivePolicy": json.dumps(policy)},
    )["QueueUrl"]
    for text in (body("ann", "n", "created", 1, "Faith is trust."), "poison"):
        sqs.send_message(QueueUrl=queue, MessageBody=text)
    with CountingProxy() as proxy:  # without a target: an outage
        environ = {
            "REDIS_CACHE_URL": proxy.url,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'notes.db'}",
        }
        mapping = EventSourceMapping(sqs, queue, environ, seed=1, kill_rate=0, max_risky_receives=0)
        started = time.monotonic()
        mapping.all_sent.set()
        mapping.start()
        await until(lambda: mapping.failed_messages > 1)
        proxy.target = urlsplit(valkey_url).port or 0
        mapping.join(timeout=60)
    assert not mapping.is_alive()
    # The change was received twice; the upper bound is five times the time that this takes.
    assert (
        BACKOFF_SECONDS[0] <= time.monotonic() - started < BACKOFF_SECONDS[0] + BACKOFF_SECONDS[1]
    )
    assert take_bodies(sqs, dead) == ["poison"]


def test_backoff_covers_an_outage_of_an_hour() -> None:
    """With the template's `maxReceiveCount`; a poison message is moved within a minute."""
    waits = range(1, max_receive_count())
    attempts = [{"attributes": {"ApproximateReceiveCount": str(number)}} for number in waits]
    assert (
        3_600
        < sum(redelivery_delay(each, UnavailableError("unavailable")) for each in attempts)
        < 4_000
    )
    assert sum(redelivery_delay(each, InvalidChangeError("poison")) for each in attempts) < 60
    # Alarms have a period of five minutes: a failing message fails in each.
    assert max(redelivery_delay(each, UnavailableError("unavailable")) for each in attempts) < 300


@pytest.mark.parametrize(
    "attributes", [{}, *({"attributes": odd} for odd in (None, ["x"], {"x": "y"}))]
)
def test_message_without_a_receive_count_has_the_shortest_delay(
    attributes: dict[str, object],
) -> None:
    assert redelivery_delay(attributes, UnavailableError("unavailable")) == BACKOFF_SECONDS[0]


@pytest.mark.parametrize(
    "case",
    [
        ("arn:aws:sqs:eu-central-1:123456789012:gone", 30_000, "QueueDoesNotExist"),
        ("bucket", 30_000, "ValueError"),
        ("arn:aws:sqs:eu-central-1:123456789012:gone", 3_000, "of the invocation were left"),
    ],
)
def test_failed_backoff_does_not_fail_the_batch(
    sqs: "SQSClient",
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    case: tuple[str, int, str],
) -> None:
    assert sqs
    arn, milliseconds, reason = case
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    handler = QueueHandler(lambda: make_container(settings), RedeliveryBackoff())
    event = {"Records": [record("7", "poison") | {"eventSourceARN": arn}]}
    assert failed(handler(event, Context(milliseconds))) == ["7"]  # type: ignore[arg-type]  # a part of it
    (log_fields,) = [
        each.__dict__["log_fields"] for each in caplog.records if "backoff" in each.message
    ]
    assert reason in log_fields["error"]


def test_deployed_handler_uses_backoff() -> None:
    assert isinstance(deployed._backoff, RedeliveryBackoff)


def test_batch_without_failures_does_not_load_boto3(valkey_url: str, tmp_path: Path) -> None:
    program = (
        "import sys; from functions.invalidate.redelivery import RedeliveryBackoff;"
        " from tests.support.queues import *;"
        f" settings = Settings(redis_url={valkey_url!r}, database_url='sqlite:///{tmp_path}/n.db');"
        " handler = QueueHandler(lambda: make_container(settings), RedeliveryBackoff());"
        " response = handler(batch(body('ann', 'n', 'created', 1, 'Hope.')), Context());"
        " print(failed(response), sys.modules.keys() & {'boto3', 'botocore.session'})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[] set()\n"
