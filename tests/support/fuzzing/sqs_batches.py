"""SQS batches: hostile messages, and batches that SQS would not send."""

from typing import Any

from hypothesis import strategies as st

from tests.support.fuzzing.hostile_values import change_bodies, json_values, texts
from tests.support.queues import batch, body

messages = st.lists(change_bodies, min_size=1, max_size=4)
"""The bodies of a batch's messages."""

_valid = st.integers(0, 99).map(lambda version: body("ann", "note", "updated", version, "Trust."))

_MEMBERS = (
    *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "eventSource"),
    *("eventSourceARN", "awsRegion", "dataType"),
)
_message_attributes = st.dictionaries(
    st.sampled_from(["traceparent", "tracestate", "x-correlation-id"]) | texts,
    st.fixed_dictionaries({"stringValue": json_values, "dataType": json_values}) | json_values,
    max_size=3,
)
_attributes = st.dictionaries(st.sampled_from(["AWSTraceHeader", "SentTimestamp"]), json_values)


@st.composite
def malformed_batches(draw: st.DrawFn) -> Any:
    """Batches with missing or mistyped members, and events that are not batches."""
    if not draw(st.integers(0, 5)):
        return draw(json_values | st.fixed_dictionaries({"Records": json_values}))
    # A valid message must be applied even if the rest of its record is malformed.
    event: Any = batch(*draw(messages | st.lists(_valid, min_size=1, max_size=4)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(event["Records"]) - 1))
        record = event["Records"][place]
        match draw(st.sampled_from(["remove", "replace", "attributes", "replace record"])):
            case "replace record":
                event["Records"][place] = draw(json_values)
            case _ if not isinstance(record, dict):
                pass
            case "remove":
                record.pop(draw(st.sampled_from(_MEMBERS)), None)
            case "replace":
                record[draw(st.sampled_from(_MEMBERS))] = draw(json_values)
            case _:
                record["messageAttributes"] = draw(_message_attributes)
                record["attributes"] = draw(_attributes)
    return event
