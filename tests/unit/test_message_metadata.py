"""Message metadata: read from every envelope, and never a cause of failure."""

from typing import Any

import pytest

from functions.invalidate.message_metadata import (
    MessageMetadata,
    from_push_request,
    from_sqs_record,
    parse_json,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CARRIER = {"traceparent": TRACEPARENT}


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (
            {},
            {
                "subscription": "projects/example/subscriptions/note-changes",
                "message": {"messageId": "7", "attributes": {"traceparent": TRACEPARENT}},
            },
            MessageMetadata(
                "7",
                CARRIER,
                {"messaging.system": "gcp_pubsub", "messaging.destination.name": "note-changes"},
            ),
        ),
        (
            {},
            {
                "subscription": "s",
                "message": {"attributes": {"googclient_traceparent": TRACEPARENT, "a": "b"}},
            },
            MessageMetadata(
                "no message id",
                CARRIER,
                {"messaging.system": "gcp_pubsub", "messaging.destination.name": "s"},
            ),
        ),
        (
            {},
            {
                "Type": "Notification",
                "MessageId": "8",
                "TopicArn": "arn:aws:sns:eu-central-1:123456789012:changes",
                "MessageAttributes": {
                    "traceparent": {"Type": "String", "Value": TRACEPARENT},
                    "X-Correlation-Id": {"Type": "String", "Value": "abc"},
                },
            },
            MessageMetadata(
                "8",
                CARRIER | {"x-correlation-id": "abc"},
                {"messaging.system": "aws.sns", "messaging.destination.name": "changes"},
            ),
        ),
        (
            {},
            {"detail-type": "NoteChanged", "id": "9", "detail": {}},
            MessageMetadata("9", {}, {"messaging.system": "aws_eventbridge"}),
        ),
        (
            {},
            {"specversion": "1.0", "id": "10", "traceparent": TRACEPARENT, "data": {}},
            MessageMetadata("10", CARRIER, {"messaging.system": "_OTHER"}),
        ),
        (
            {"ce-id": "11", "ce-traceparent": TRACEPARENT, "ce-type": "x"},
            {"user_id": "ann"},
            MessageMetadata("11", CARRIER, {"messaging.system": "_OTHER"}),
        ),
        ({}, {}, MessageMetadata("no message id", {}, {"messaging.system": "_OTHER"})),
    ],
    ids=["Pub/Sub", "Pub/Sub's client", "SNS", "EventBridge", "CloudEvent", "binary", "bare"],
)
def test_metadata_is_read_from_each_envelope(
    headers: dict[str, str], body: Any, expected: MessageMetadata
) -> None:
    assert from_push_request(headers, body) == expected


@pytest.mark.parametrize(
    ("attributes", "carrier"),
    [
        ({}, {}),
        ({"AWSTraceHeader": "Root=1-2-3"}, {"awstraceheader": "Root=1-2-3"}),
        ({"traceparent": TRACEPARENT}, {}),
    ],
)
def test_sqs_record_gives_queue_sender_trace_and_only_the_sqs_xray_header(
    attributes: dict[str, str], carrier: dict[str, str]
) -> None:
    message_attributes = {
        "Traceparent": {"dataType": "String", "stringValue": TRACEPARENT},
        "AWSTraceHeader": {"dataType": "String", "stringValue": "set by the sender"},
    }
    record = {
        "messageId": "12",
        "messageAttributes": message_attributes,
        "attributes": attributes,
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:note-changes",
    }
    queue = {"messaging.system": "aws_sqs", "messaging.destination.name": "note-changes"}
    assert from_sqs_record(record) == MessageMetadata("12", CARRIER | carrier, queue)


@pytest.mark.parametrize("value", [None, 7, [], {}, "x" * 1_000])
def test_malformed_metadata_is_ignored(value: Any) -> None:
    bodies = (
        value,
        {"subscription": value, "message": {"attributes": value, "messageId": value}},
        {"subscription": "s", "message": {"attributes": {"traceparent": value}}},
        {"Type": "Notification", "MessageAttributes": value, "TopicArn": value},
        {"Type": "Notification", "MessageAttributes": {"traceparent": value}},
        {"specversion": value, "traceparent": value, "id": value},
        {"detail-type": value, "id": value},
    )
    names = ("messageId", "messageAttributes", "attributes", "eventSourceARN")
    records = (
        dict.fromkeys(names, value),
        {name: {"traceparent": value, "AWSTraceHeader": value} for name in names},
    )
    results = [from_push_request({}, body) for body in bodies] + [
        from_sqs_record(record) for record in records
    ]
    for metadata in results:
        assert metadata.carrier == {}
        assert 0 < len(metadata.id) <= 512
        assert all(len(value) <= 512 for value in metadata.span_attributes.values())


def test_parse_json_returns_the_bytes_if_they_are_not_json() -> None:
    assert parse_json(b'{"a": 1}') == {"a": 1}
    assert parse_json(b"no JSON") == b"no JSON"
    assert parse_json(b"[" * 100_000) == b"[" * 100_000
