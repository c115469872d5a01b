"""What a message arrives in: queues and buses put it into envelopes of their own."""

import base64
import json
from typing import Any

from shared.errors import InvalidChangeError

_MOST = 4


def unwrap_envelopes(body: str | bytes | dict[str, Any]) -> dict[str, Any]:
    """Take a message out of its envelopes, however they are nested.

    Supports SNS, EventBridge, CloudEvents 1.0 in structured mode (in binary mode the body is
    the message already) and Pub/Sub push.

    Raises:
        InvalidChangeError: it is not a JSON object, or an envelope does not hold one.
    """
    message = _load(body)
    for _ in range(_MOST):
        inner = _get_payload(message)
        if inner is None:
            return message
        message = _load(inner)
    raise InvalidChangeError(
        f"the message is inside {_MOST} envelopes or more; at most {_MOST - 1} are opened"
    )


def _load(body: object) -> dict[str, Any]:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidChangeError("the message is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidChangeError("the message must be one JSON object")
    return body


def _get_payload(message: dict[str, Any]) -> object | None:
    """Give what an envelope holds; None where this is none."""
    kind = message.get("Type")
    # Compared one by one: it may be a list, for which no set can be searched.
    if kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        raise InvalidChangeError(f"an SNS {kind} is not a note change; visit its SubscribeURL")
    if kind == "Notification" and "Message" in message:
        return _present(message["Message"])
    if "detail-type" in message and "detail" in message:
        return _present(message["detail"])
    if "specversion" in message:
        if "data_base64" in message:
            return _from_base64(message["data_base64"])
        return _present(message.get("data"))
    pushed = message.get("message")
    if "subscription" in message and isinstance(pushed, dict):
        return _from_base64(pushed.get("data"))
    return None


def _present(content: object) -> object:
    if content is None:
        raise InvalidChangeError("the envelope is empty; it must hold a NoteChanged message")
    return content


def _from_base64(content: object) -> bytes:
    try:
        return base64.b64decode(str(_present(content)), validate=True)
    except ValueError:
        raise InvalidChangeError("the envelope's data are not base64") from None
