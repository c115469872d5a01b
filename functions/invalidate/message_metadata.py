"""Where a message came from, as its envelope, its headers or its record tell.

For traces and the log alone: nothing here fails, and none of it is believed any further.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_CARRIED = ("traceparent", "tracestate", "x-correlation-id")
_CLOUD_EVENT = "ce-"
_GOOGLE = "googclient_"  # Pub/Sub's own clients put it before the names that they carry
_XRAY = "awstraceheader"
_LONGEST = 512  # characters of anything that is told


@dataclass(frozen=True, slots=True)
class Origin:
    """A message's `id`, what was `carried` with it, and `of` which queue it is.

    `carried` has names in lower case; `of` is by OpenTelemetry's conventions for messaging.
    """

    id: str
    carried: dict[str, str]
    of: dict[str, str]


def pushed(headers: Mapping[str, str], body: object) -> Origin:
    """Tell it of a message over HTTP; `headers` by names in lower case, `body` as JSON reads."""
    message = body if isinstance(body, dict) else {}
    inner = message.get("message")
    if "subscription" in message and isinstance(inner, dict):
        given = _texts(inner.get("attributes"))
        google = {
            name.removeprefix(_GOOGLE): value
            for name, value in given.items()
            if name.startswith(_GOOGLE)
        }
        of = _queue("gcp_pubsub", message["subscription"], "/")
        return _origin(inner.get("messageId"), google | given, of)
    if message.get("Type") == "Notification":
        of = _queue("aws.sns", message.get("TopicArn"), ":")
        sent = _attributes(message.get("MessageAttributes"), "Value")
        return _origin(message.get("MessageId"), sent, of)
    if "detail-type" in message:
        return _origin(message.get("id"), {}, _queue("aws_eventbridge", None))
    if "specversion" in message:
        return _origin(message.get("id"), _texts(message), _queue("_OTHER", None))
    binary = {
        name.removeprefix(_CLOUD_EVENT): value
        for name, value in headers.items()
        if name.startswith(_CLOUD_EVENT)
    }
    return _origin(binary.get("id"), binary, _queue("_OTHER", None))


def queued(record: Mapping[str, Any]) -> Origin:
    """Tell it of a record of SQS; SQS itself tells of X-Ray's trace."""
    of = _queue("aws_sqs", record.get("eventSourceARN"), ":")
    sent = _attributes(record.get("messageAttributes"), "stringValue")
    told = _origin(record.get("messageId"), sent, of)
    added = _texts(record.get("attributes"))
    traced = {_XRAY: added[_XRAY]} if _XRAY in added else {}
    return replace(told, carried=told.carried | traced)


def read(body: bytes) -> Any:
    """Read JSON; what is none stays as it is, for whoever can say what is wrong with it."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _origin(given: object, carried: Mapping[str, str], of: dict[str, str]) -> Origin:
    named = given if isinstance(given, str) and given else "pushed without an id"
    kept = {name: carried[name] for name in _CARRIED if name in carried}
    return Origin(named[:_LONGEST], kept, of)


def _attributes(told: object, value: str) -> dict[str, str]:
    """Those of SNS and SQS are objects; the text is in the member that is named `value`."""
    each = told.items() if isinstance(told, dict) else ()
    return _texts({name: of.get(value) for name, of in each if isinstance(of, dict)})


def _texts(told: object) -> dict[str, str]:
    """Names in lower case, and what is text."""
    return {
        name.lower(): value
        for name, value in (told.items() if isinstance(told, dict) else ())
        if isinstance(name, str) and isinstance(value, str) and len(value) <= _LONGEST
    }


def _queue(system: str, name: object, until: str = "") -> dict[str, str]:
    of = {"messaging.system": system}
    if isinstance(name, str) and name:
        of["messaging.destination.name"] = name.rpartition(until)[2][:_LONGEST]
    return of
