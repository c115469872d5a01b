"""Message id, trace context and queue name of a note-change message.

They come from the message's envelope, its HTTP headers or its SQS record. Only traces and logs use
them, so malformed metadata is ignored and never raises.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.observability.json_logging import propagated

_XRAY_HEADER = "awstraceheader"
_CLOUD_EVENT_PREFIX = "ce-"
_PUBSUB_PREFIX = "googclient_"  # Pub/Sub's client libraries prefix their trace attributes
_MAX_LENGTH = 512  # characters of an id, a name or a value
_NO_ID = "no message id"


@dataclass(frozen=True, slots=True)
class MessageMetadata:
    """Metadata of one message.

    Attributes:
        id: the message id, or a placeholder if the sender set none.
        carrier: trace context and correlation id; names in lower case.
        span_attributes: the queue, by OpenTelemetry's semantic conventions for messaging.
    """

    id: str
    carrier: Mapping[str, str]
    span_attributes: Mapping[str, str]


def from_push_request(headers: Mapping[str, str], body: object) -> MessageMetadata:
    """Read the metadata of a message that was pushed over HTTP.

    Args:
        headers: HTTP headers, names in lower case.
        body: the parsed JSON body: a Pub/Sub, SNS or EventBridge envelope, a CloudEvent, or the
            data of a CloudEvent in binary mode.
    """
    match body:
        case {"subscription": queue, "message": {**message}}:
            attributes = _string_members(message.get("attributes"))
            carrier = _without_prefix(attributes, _PUBSUB_PREFIX) | attributes
            return _metadata("gcp_pubsub", message.get("messageId"), carrier, queue)
        case {"Type": "Notification", **envelope}:
            carrier = _attribute_values(envelope.get("MessageAttributes"), "Value")
            queue = envelope.get("TopicArn")
            return _metadata("aws.sns", envelope.get("MessageId"), carrier, queue)
        case {"detail-type": _, **envelope}:
            return _metadata("aws_eventbridge", envelope.get("id"), {})
        case {"specversion": _, **envelope}:
            return _metadata("_OTHER", envelope.get("id"), _string_members(envelope))
    binary_mode = _without_prefix(headers, _CLOUD_EVENT_PREFIX)
    return _metadata("_OTHER", binary_mode.get("id"), binary_mode)


def from_sqs_record(record: Mapping[str, Any]) -> MessageMetadata:
    """Read the metadata of an SQS record; only SQS itself may set the `AWSTraceHeader`."""
    carrier = _attribute_values(record.get("messageAttributes"), "stringValue")
    queue = record.get("eventSourceARN")
    metadata = _metadata("aws_sqs", record.get("messageId"), carrier, queue)
    xray = _string_members(record.get("attributes")).get(_XRAY_HEADER)
    return replace(metadata, carrier={**metadata.carrier, _XRAY_HEADER: xray}) if xray else metadata


def parse_json(body: bytes) -> Any:
    """Parse a JSON body; return the bytes if it is not JSON, so that `parse_changes` refuses it."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _metadata(
    system: str, message_id: object, carrier: Mapping[str, str], queue: object = None
) -> MessageMetadata:
    """Build the metadata; a queue's short name is the last part of its ARN or path."""
    known_id = message_id if isinstance(message_id, str) and message_id else _NO_ID
    attributes = {"messaging.system": system}
    if isinstance(queue, str) and queue:
        attributes["messaging.destination.name"] = re.split("[:/]", queue)[-1][:_MAX_LENGTH]
    return MessageMetadata(known_id[:_MAX_LENGTH], propagated(carrier), attributes)


def _without_prefix(members: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value
        for name, value in members.items()
        if name.startswith(prefix)
    }


def _attribute_values(attributes: object, member: str) -> dict[str, str]:
    """Read SNS or SQS message attributes: objects that hold their value in `member`."""
    pairs = attributes.items() if isinstance(attributes, dict) else ()
    return _string_members(
        {name: each.get(member) for name, each in pairs if isinstance(each, dict)}
    )


def _string_members(members: object) -> dict[str, str]:
    """Select the members with string values of moderate length; names in lower case."""
    return {
        name.lower(): value
        for name, value in (members.items() if isinstance(members, dict) else ())
        if isinstance(name, str) and isinstance(value, str) and len(value) <= _MAX_LENGTH
    }
