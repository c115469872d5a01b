"""Serialization of a reply; a cached and a new answer differ in `metadata` only."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic_core import to_json

if TYPE_CHECKING:
    from functions.ask.schemas import AnswerBody, MetadataEvent, RetrievedSource
    from shared.answer_stream import AnswerStart
    from shared.notes.note import Source
    from shared.question import Request
    from shared.reply import Reply


def serialize_reply(request: "Request", reply: "Reply", *, explain: bool = False) -> bytes:
    """Return the response body as JSON; `explain` adds the rejected match."""
    answer = reply.answer
    created_ms = answer.created if answer else time.time_ns() // 1_000_000
    question = reply.question
    day, follow_up = question.day, question.follow_up
    is_rewritten = follow_up is not None and follow_up.use == "rewritten"
    created = datetime.fromtimestamp(created_ms / 1000, UTC)
    cited = reply.cited
    body: AnswerBody = {
        "answer": reply.text,
        "sources": [
            {**_serialize_source(source), "cited": number in cited}
            for number, source in enumerate(reply.shown_sources, start=1)
        ],
        "metadata": {
            "query": request.query,
            "tags": list(question.tags),
            "history": follow_up.use if follow_up else None,
            "standalone_question": question.wording if is_rewritten else None,
            "cached": reply.tier == "l1",
            "timestamp": created.isoformat("T", "milliseconds"),
            "tier": reply.tier,
            "match": reply.match,
            "matched_question": reply.matched_question,
            "similarity": _round(reply.similarity, 6),
            "probability": _round(reply.probability, 4),
            "stale": reply.stale,
            "extractive": reply.extractive,
            "incomplete": answer.incomplete if answer else False,
            "age": max(0, int(time.time() - created_ms / 1000)),
            "ttl": reply.ttl,
            "cache": reply.cache,
            "answer_id": reply.answer_id,
            "model": answer.model if answer else None,
            "truncated": question.truncated,
            "valid_on": day.date.isoformat() if day else None,
        },
    }
    if explain:
        body["metadata"] |= {
            "match_rejection": reply.match_rejection,
            "rejected_similarity": _round(reply.rejected_similarity, 6),
            "rejected_probability": _round(reply.rejected_probability, 4),
        }
    return to_json(body)


def serialize_start(start: "AnswerStart") -> bytes:
    """Return what is known before the text as JSON."""
    event: MetadataEvent = {
        "tier": start.tier,
        "match": start.match,
        "sources": [_serialize_source(source) for source in start.sources],
    }
    return to_json(event)


def _serialize_source(source: "Source") -> "RetrievedSource":
    return {
        "chunk_id": source.chunk_id,
        "content": source.content,
        "note_id": source.note_id,
        "title": source.title,
        "similarity": round(source.similarity, 6),
    }


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
