"""What `make lambda` sends to the functions, and what must come of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.aws.emulator.runtime import ROOT
from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.notes.file_import import ImportedNote

EVENTS = ROOT / "tests" / "events"

_BATCH = 10  # messages: as many as SQS gives at once, unless it is told to wait for more


@dataclass(frozen=True, slots=True)
class Step:
    """One event for a function; `outcome` is what `outcome_of` must say of the response."""

    function: str
    event: Any
    what: str
    outcome: str


def steps() -> Iterator[Step]:
    """Notes come in; a question is asked; a note changes, and the question is asked again."""
    notes = read_sample_notes(SampleSet.STUDY)[:_BATCH]
    applied = f"all {len(notes)} applied"
    yield Step("invalidate", _batch(notes), f"{len(notes)} sample notes", applied)
    yield Step("ask", _event("ask"), "ask.json", "200: a new answer")
    yield Step("ask", _event("ask"), "ask.json", "200: an exact hit")
    yield Step("invalidate", _event("invalidate"), "invalidate.json", "1 of 3 comes again")
    yield Step("ask", _event("ask"), "ask.json", "200: a new answer")
    yield Step("stats", _event("stats"), "stats.json", "200: 1 of 3 was a hit")


def outcome_of(event: Any, response: Any) -> str:
    """Say in a few words what a function responded."""
    if not isinstance(response, dict):
        return str(response)
    if "batchItemFailures" in response:
        failed, all_of_them = len(response["batchItemFailures"]), len(event["Records"])
        if failed:
            return f"{failed} of {all_of_them} comes again"
        return f"all {all_of_them} applied"
    if response.get("statusCode") != 200:  # noqa: PLR2004 - HTTP's
        return str(response.get("statusCode", response))
    body = json.loads(response["body"])
    if "combined" in body:
        hits, total = body["l1_query"]["total_hits"], body["combined"]["total_requests"]
        return f"200: {hits} of {total} was a hit"
    match = body["metadata"]["match"]
    return "200: " + (f"an {match} hit" if match else "a new answer")


def _event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def _batch(notes: list[ImportedNote]) -> Any:
    """Put notes into a queue's event, as they were before `invalidate.json` changed them."""
    batch = _event("invalidate")
    pattern = batch["Records"][0]
    records = []
    for number, note in enumerate(notes, start=1):
        change = json.loads(pattern["body"]) | note._asdict() | {"version": 1}
        records.append(pattern | {"messageId": f"sample-{number}", "body": json.dumps(change)})
    return {"Records": records}
