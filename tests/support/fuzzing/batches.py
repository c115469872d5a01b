"""Batches of a queue: messages that say anything, and batches that no queue sends."""

from typing import Any

from hypothesis import strategies as st

from tests.support.fuzzing.values import changes, json_values, texts
from tests.support.queues import batch, body

messages = st.lists(changes, min_size=1, max_size=4)
"""Bodies of a batch's messages."""

_sound = st.integers(0, 99).map(lambda version: body("ann", "note", "updated", version, "Trust."))

_FIELDS = (
    *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "eventSource"),
    *("eventSourceARN", "awsRegion", "dataType"),
)
_SENDERS_OWN = st.dictionaries(
    st.sampled_from(["traceparent", "tracestate", "x-correlation-id"]) | texts,
    st.fixed_dictionaries({"stringValue": json_values, "dataType": json_values}) | json_values,
    max_size=3,
)
_SQS_OWN = st.dictionaries(st.sampled_from(["AWSTraceHeader", "SentTimestamp"]), json_values)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A batch in which something is missing, or is of another kind, or is no batch at all."""
    if not draw(st.integers(0, 5)):
        return draw(json_values | st.fixed_dictionaries({"Records": json_values}))
    # A message that can be applied must be, whatever else of its record is damaged.
    made: Any = batch(*draw(messages | st.lists(_sound, min_size=1, max_size=4)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(made["Records"]) - 1))
        record = made["Records"][place]
        match draw(st.sampled_from(["missing", "other", "attributes", "all of it"])):
            case "all of it":
                made["Records"][place] = draw(json_values)
            case _ if not isinstance(record, dict):
                pass
            case "missing":
                record.pop(draw(st.sampled_from(_FIELDS)), None)
            case "other":
                record[draw(st.sampled_from(_FIELDS))] = draw(json_values)
            case _:
                record |= {"messageAttributes": draw(_SENDERS_OWN), "attributes": draw(_SQS_OWN)}
    return made
