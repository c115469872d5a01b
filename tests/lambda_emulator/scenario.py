"""The events of `make lambda` and the required result of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.notes.files.file_import import ImportedNote
from tests.lambda_emulator.runtime import ROOT

_EVENTS = ROOT / "tests" / "events"
_BATCH_SIZE = 10  # the maximum of SQS without a batching window


@dataclass(frozen=True, slots=True)
class Step:
    """An event for a function; `result` is the required value of `describe_result`."""

    function: str
    event: Any
    description: str
    result: str


def steps() -> Iterator[Step]:
    """Import notes, ask a question, change a note and ask again."""
    notes = read_sample_notes(SampleSet.STUDY)[:_BATCH_SIZE]
    imported = f"all {len(notes)} applied"
    yield Step("invalidate", _import_event(notes), f"{len(notes)} sample notes", imported)
    yield Step("ask", _event("ask"), "ask.json", "200: a new answer")
    yield Step("ask", _event("ask"), "ask.json", "200: an exact hit")
    yield Step("invalidate", _event("invalidate"), "invalidate.json", "1 of 3 failed")
    yield Step("ask", _event("ask"), "ask.json", "200: a new answer")
    yield Step("stats", _event("stats"), "stats.json", "200: 1 hit of 3 questions")


def describe_result(event: Any, response: Any) -> str:
    """Summarize the response of a function."""
    if not isinstance(response, dict):
        return str(response)
    if "batchItemFailures" in response:
        failed, count = len(response["batchItemFailures"]), len(event["Records"])
        return f"{failed} of {count} failed" if failed else f"all {count} applied"
    if response.get("statusCode") != 200:
        return str(response.get("statusCode", response))
    body = json.loads(response["body"])
    if "combined" in body:
        hits, questions = body["l1_query"]["total_hits"], body["combined"]["total_requests"]
        return f"200: {hits} hit of {questions} questions"
    match = body["metadata"]["match"]
    return "200: " + (f"an {match} hit" if match else "a new answer")


def _event(name: str) -> Any:
    return json.loads((_EVENTS / f"{name}.json").read_text("utf-8"))


def _import_event(notes: list[ImportedNote]) -> Any:
    """Build a queue event that creates notes, with versions before those of `invalidate.json`."""
    template = _event("invalidate")["Records"][0]
    records = []
    for number, note in enumerate(notes, start=1):
        change = json.loads(template["body"]) | note._asdict() | {"version": 1}
        records.append(template | {"messageId": f"sample-{number}", "body": json.dumps(change)})
    return {"Records": records}
