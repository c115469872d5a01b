"""The events with which Lambda invokes `invalidate`.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

from typing import Any

from shared.errors import InvalidChangeError


def queue_records(event: Any) -> list[dict[str, Any]] | None:
    """Return the SQS records of an event source mapping or of an EventBridge pipe.

    None if the event comes from another source.
    """
    records = event.get("Records") if isinstance(event, dict) else event
    if isinstance(records, list) and {*map(_source, records)} <= {"aws:sqs"}:
        return records
    return None


def direct_messages(event: Any) -> list[Any]:
    """Return the messages of an event without a queue, as `parse_changes` takes them.

    It is an event of SNS or EventBridge, the list of a pipe, or one message.

    Raises:
        InvalidChangeError: the event has another source.
    """
    if isinstance(event, list):
        return event
    if not (isinstance(event, dict) and "Records" in event):
        return [event]
    records = event["Records"] if isinstance(event["Records"], list) else []
    if not records or {*map(_source, records)} != {"aws:sns"}:
        sources = sorted({*map(_source, records)})
        raise InvalidChangeError(
            "this function takes events of SQS, SNS, EventBridge and EventBridge Pipes, and the"
            f" message of one note change; this event has records of {sources or 'no source'}"
        )
    return [record.get("Sns") for record in records]


def _source(record: Any) -> str:
    """Return a record's source, such as `aws:sqs`; SNS spells the name differently."""
    members = record if isinstance(record, dict) else {}
    return str(members.get("eventSource") or members.get("EventSource") or "unknown")[:40]
