"""A Lambda event source mapping: polls an SQS queue and invokes a function with batches.

The function is a child process that may be killed at any moment. Messages without a response, and
failed ones, are not deleted: SQS redelivers them after their visibility timeout.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.queues import READY, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_sqs import SQSClient


class FunctionProcess:
    """The function in a child process."""

    def __init__(self, environ: "Mapping[str, str]") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.queues"],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == READY, "the function did not start"

    def invoke(self, event: dict[str, Any], *, kill_after: float | None = None) -> Any:
        """Return the response, or None if the function was killed after `kill_after` seconds."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        if kill_after is not None:
            time.sleep(kill_after)
            self.kill()
            return None
        return json.loads(self._read())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


class EventSourceMapping(threading.Thread):
    """Polls until `all_sent` is set and the queue is empty; kills its function during batches.

    The function is not killed with a message that was received more than `max_risky_receives`
    times, so that kills alone move no message to the dead-letter queue.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        queue_url: str,
        environ: "Mapping[str, str]",
        *,
        seed: int,
        kill_rate: float,
        max_risky_receives: int,
    ) -> None:
        super().__init__(daemon=True)
        self.all_sent = threading.Event()
        self.kills = 0
        self.batches = 0
        self.failed_messages = 0
        self._sqs, self._queue_url = sqs, queue_url
        self._environ = {**environ, **sqs_environment(sqs)}
        self._random = random.Random(seed)
        self._kill_rate, self._max_risky_receives = kill_rate, max_risky_receives
        response = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        self._arn = response["Attributes"]["QueueArn"]
        self._function = FunctionProcess(self._environ)

    def run(self) -> None:
        try:
            while not self.all_sent.is_set() or depth(self._sqs, self._queue_url):
                if records := self._receive():
                    self._deliver(records)
                else:
                    time.sleep(0.05)
        finally:
            self._function.kill()

    def _receive(self) -> list[dict[str, Any]]:
        received = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            record(
                message["MessageId"],
                message["Body"],
                message["ReceiptHandle"],
                int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            | {"eventSourceARN": self._arn}
            for message in received.get("Messages", [])
        ]

    def _deliver(self, records: list[dict[str, Any]]) -> None:
        self.batches += 1
        counts = [int(r["attributes"]["ApproximateReceiveCount"]) for r in records]
        kill_after = None
        if max(counts) <= self._max_risky_receives and self._random.random() < self._kill_rate:
            kill_after = self._random.uniform(0, 0.08)
        response = self._function.invoke({"Records": records}, kill_after=kill_after)
        if response is None:
            self.kills += 1
            self._function = FunctionProcess(self._environ)
            return
        failed = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        self.failed_messages += len(failed)
        done = [r for r in records if r["messageId"] not in failed]
        if done:
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=_entries(done))


@contextmanager
def serving_sqs() -> "Iterator[SQSClient]":
    """Run an SQS server and yield a client. It serves one request at a time: moto needs it."""
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    client = boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="eu-central-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    client.list_queues()  # the first request loads moto's modules
    yield client
    server.shutdown()
    thread.join()
    server.server_close()


def sqs_environment(sqs: "SQSClient") -> dict[str, str]:
    """The environment variables that make boto3 use this server."""
    return {
        "AWS_ENDPOINT_URL_SQS": sqs.meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Write nothing."""


def depth(sqs: "SQSClient", queue_url: str) -> int:
    """The number of messages of a queue, including those in flight."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    visible = int(attributes["ApproximateNumberOfMessages"])
    return visible + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def take_bodies(sqs: "SQSClient", queue_url: str) -> list[str]:
    """Delete all visible messages of a queue and return their bodies.

    A message that is not deleted is received again after its visibility timeout.
    """
    bodies = []
    while page := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in page]
        for message in page:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def _entries(records: list[dict[str, Any]]) -> Any:
    return [
        {"Id": str(index), "ReceiptHandle": each["receiptHandle"]}
        for index, each in enumerate(records)
    ]
