"""Where a message came from: told by whatever carries it, and never a reason to fail."""

from typing import Any

import pytest

from functions.invalidate.message_metadata import (
    MessageMetadata,
    from_push_request,
    from_sqs_record,
    parse_json,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CARRIED = {"traceparent": TRACEPARENT}


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
                CARRIED,
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
                CARRIED,
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
                CARRIED | {"x-correlation-id": "abc"},
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
            MessageMetadata("10", CARRIED, {"messaging.system": "_OTHER"}),
        ),
        (
            {"ce-id": "11", "ce-traceparent": TRACEPARENT, "ce-type": "x"},
            {"user_id": "ann"},
            MessageMetadata("11", CARRIED, {"messaging.system": "_OTHER"}),
        ),
        ({}, {}, MessageMetadata("no message id", {}, {"messaging.system": "_OTHER"})),
    ],
    ids=["Pub/Sub", "Pub/Sub's client", "SNS", "EventBridge", "CloudEvent", "binary", "bare"],
)
def test_each_envelope_tells_its_own(
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
def test_a_record_tells_its_queue_and_what_sender_and_sqs_each_may_tell(
    attributes: dict[str, str], carrier: dict[str, str]
) -> None:
    sent = {
        "Traceparent": {"dataType": "String", "stringValue": TRACEPARENT},
        "AWSTraceHeader": {"dataType": "String", "stringValue": "no sender's to tell"},
    }
    record = {
        "messageId": "12",
        "messageAttributes": sent,
        "attributes": attributes,
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:note-changes",
    }
    of = {"messaging.system": "aws_sqs", "messaging.destination.name": "note-changes"}
    assert from_sqs_record(record) == MessageMetadata("12", CARRIED | carrier, of)


@pytest.mark.parametrize("nonsense", [None, 7, [], {}, "x" * 1_000])
def test_whatever_stands_in_its_place_fails_nothing(nonsense: Any) -> None:
    bodies = (
        nonsense,
        {"subscription": nonsense, "message": {"attributes": nonsense, "messageId": nonsense}},
        {"subscription": "s", "message": {"attributes": {"traceparent": nonsense}}},
        {"Type": "Notification", "MessageAttributes": nonsense, "TopicArn": nonsense},
        {"Type": "Notification", "MessageAttributes": {"traceparent": nonsense}},
        {"specversion": nonsense, "traceparent": nonsense, "id": nonsense},
        {"detail-type": nonsense, "id": nonsense},
    )
    names = ("messageId", "messageAttributes", "attributes", "eventSourceARN")
    records = (
        dict.fromkeys(names, nonsense),
        {name: {"traceparent": nonsense, "AWSTraceHeader": nonsense} for name in names},
    )
    tellings = [from_push_request({}, body) for body in bodies] + [
        from_sqs_record(record) for record in records
    ]
    for told in tellings:
        assert told.carrier == {}
        assert 0 < len(told.id) <= 512
        assert all(len(value) <= 512 for value in told.span_attributes.values())


def test_what_is_no_json_stays_as_it_is() -> None:
    assert parse_json(b'{"a": 1}') == {"a": 1}
    assert parse_json(b"no JSON") == b"no JSON"
    assert parse_json(b"[" * 100_000) == b"[" * 100_000
