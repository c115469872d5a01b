"""Removes the envelopes that queues and event buses put around a message."""

import base64
import json
from typing import Any

from shared.errors import InvalidChangeError

_MAX_ENVELOPES = 3


def unwrap_envelopes(body: str | bytes | dict[str, Any] | None) -> dict[str, Any]:
    """Return the message inside nested envelopes.

    The envelopes of SNS, EventBridge, CloudEvents 1.0 in structured mode and Pub/Sub push are
    supported. In the binary mode of CloudEvents the body is the message.

    Raises:
        InvalidChangeError: the body is no JSON object, or an envelope has none.
    """
    message = _load(body)
    for _ in range(_MAX_ENVELOPES + 1):
        payload = _get_payload(message)
        if payload is None:
            return message
        message = _load(payload)
    raise InvalidChangeError(f"the message is inside more than {_MAX_ENVELOPES} envelopes")


def _load(body: object) -> dict[str, Any]:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidChangeError("the message is not JSON") from None
    if isinstance(body, list) and body and str(body[0]).endswith("S3Pointer"):
        raise InvalidChangeError(
            "the message is a pointer of the SQS extended client to an object in S3, which is not"
            " read: send texts above the queue's limit with POST /v1/notes/changes, or store the"
            " note yourself and send the change without a text"
        )
    if not isinstance(body, dict):
        raise InvalidChangeError("the message must be one JSON object")
    return body


def _get_payload(message: dict[str, Any]) -> object | None:
    """Return the content of an envelope, or None if the message is no envelope."""
    kind = message.get("Type")
    # A tuple: the value can be a list, which a set cannot look up.
    if kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        raise InvalidChangeError(f"an SNS {kind} is not a note change; open its SubscribeURL")
    if kind == "Notification" and "Message" in message:
        return _require_content(message["Message"])
    if "detail-type" in message and "detail" in message:
        return _require_content(message["detail"])
    if "specversion" in message:
        if "data_base64" in message:
            return _from_base64(message["data_base64"])
        return _require_content(message.get("data"))
    pushed = message.get("message")
    if "subscription" in message and isinstance(pushed, dict):
        return _from_base64(pushed.get("data"))
    return None


def _require_content(content: object) -> object:
    if content is None:
        raise InvalidChangeError("the envelope is empty; it must have a NoteChanged message")
    return content


def _from_base64(content: object) -> bytes:
    try:
        return base64.b64decode(str(_require_content(content)), validate=True)
    except ValueError:
        raise InvalidChangeError("the envelope's data is not base64") from None
