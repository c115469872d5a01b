"""A message that could not be applied comes again in its time, not in the queue's."""

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
from tests.support.event_source import EventSourceMapping, reaching, serving_sqs
from tests.support.queues import Context, body, container, failed, record
from tests.support.servers import CountingProxy
from tests.support.templates import TEMPLATES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator["SQSClient"]:
    with serving_sqs() as client:
        for name, value in reaching(client).items():
            monkeypatch.setenv(name, value)
        yield client


def redrive() -> int:
    """How often the deployed queue lets a message be received."""
    queue = TEMPLATES["infra/aws/queue.yaml"]["Resources"]["Queue"]["Properties"]
    return int(queue["RedrivePolicy"]["maxReceiveCount"])


def test_a_change_that_a_short_outage_kept_from_the_cache_is_applied_within_seconds(
    sqs: "SQSClient", valkey_url: str, tmp_path: Path
) -> None:
    """The queue itself would bring it again after six minutes, as the deployed one does."""
    dead = sqs.create_queue(QueueName="soon-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 3}
    queue = sqs.create_queue(
        QueueName="soon",
        Attributes={"VisibilityTimeout": "360", "RedrivePolicy": json.dumps(policy)},
    )["QueueUrl"]
    for text in (body("ann", "n", "created", 1, "Faith is trust."), "poison"):
        sqs.send_message(QueueUrl=queue, MessageBody=text)
    with CountingProxy() as proxy:  # to nowhere, so far
        environ = {
            "REDIS_CACHE_URL": proxy.url,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'notes.db'}",
        }
        mapping = EventSourceMapping(sqs, queue, environ, seed=1, kill_rate=0, spared=0)
        began = time.monotonic()
        mapping.all_sent.set()
        mapping.start()
        time.sleep(2)
        proxy.target = urlsplit(valkey_url).port or 0
        mapping.join(timeout=60)
    assert not mapping.is_alive()
    assert BACKOFF_SECONDS[0] <= time.monotonic() - began < BACKOFF_SECONDS[0] + BACKOFF_SECONDS[1]
    (letter,) = sqs.receive_message(QueueUrl=dead)["Messages"]
    assert letter["Body"] == "poison"


def test_a_change_survives_an_outage_of_an_hour() -> None:
    """By the template's own number of receives; a message that is poison goes within a minute."""
    waits = range(1, redrive())
    attempts = [{"attributes": {"ApproximateReceiveCount": str(number)}} for number in waits]
    assert (
        3_600 < sum(redelivery_delay(each, UnavailableError("away")) for each in attempts) < 4_000
    )
    assert sum(redelivery_delay(each, InvalidChangeError("poison")) for each in attempts) < 60
    # Alarms look at five minutes at a time: what fails on does so in each of them.
    assert max(redelivery_delay(each, UnavailableError("away")) for each in attempts) < 300


@pytest.mark.parametrize("told", [{}, *({"attributes": odd} for odd in (None, ["x"], {"x": "y"}))])
def test_a_message_that_tells_nothing_of_itself_comes_again_soon(told: dict[str, object]) -> None:
    assert redelivery_delay(told, UnavailableError("away")) == BACKOFF_SECONDS[0]


@pytest.mark.parametrize(
    "case",
    [
        ("arn:aws:sqs:eu-central-1:123456789012:gone", 30_000, "UnavailableError"),
        ("arn:aws:s3:::bucket", 30_000, "ConfigurationError"),
        ("arn:aws:sqs:eu-central-1:123456789012:gone", 3_000, "of the invocation were left"),
    ],
)
def test_where_the_queue_cannot_be_told_the_batch_is_answered_all_the_same(
    sqs: "SQSClient",
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    case: tuple[str, int, str],
) -> None:
    assert sqs
    arn, milliseconds, why = case
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    handler = QueueHandler(lambda: container(settings), RedeliveryBackoff())
    event = {"Records": [record("7", "poison") | {"eventSourceARN": arn}]}
    assert failed(handler(event, Context(milliseconds))) == ["7"]  # type: ignore[arg-type]  # a part of it
    (told,) = [each.__dict__["log_fields"] for each in caplog.records if "backoff" in each.message]
    assert why in told["error"]


def test_the_deployed_handler_tells_its_queue() -> None:
    assert isinstance(deployed._backoff, RedeliveryBackoff)


def test_a_batch_without_failures_loads_no_sdk(valkey_url: str, tmp_path: Path) -> None:
    program = (
        "import sys; from functions.invalidate.redelivery import RedeliveryBackoff;"
        " from tests.support.queues import *;"
        f" of = Settings(redis_url={valkey_url!r}, database_url='sqlite:///{tmp_path}/n.db');"
        " handler = QueueHandler(lambda: container(of), RedeliveryBackoff());"
        " done = handler(batch(body('ann', 'n', 'created', 1, 'Hope.')), Context());"
        " print(failed(done), sys.modules.keys() & {'boto3', 'botocore.session'})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[] set()\n"
