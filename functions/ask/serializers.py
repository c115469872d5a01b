"""A reply, as the caller gets it. What is cached and what is new differ in `metadata` alone."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from shared.reply import NO_NOTES

if TYPE_CHECKING:
    from shared.assistant import Request
    from shared.reply import Reply


def serialize_reply(request: "Request", reply: "Reply", *, explain: bool = False) -> bytes:
    """Write the response's body: an `AnswerBody` of `forms.py`, without the cost of one."""
    answer = reply.answer
    written = answer.created if answer else time.time_ns() // 1_000_000
    body: dict[str, Any] = {
        "answer": answer.text if answer else NO_NOTES,
        "sources": [
            {
                "chunk_id": source.chunk_id,
                "content": source.content,
                "note_id": source.note_id,
                "similarity": round(source.similarity, 6),
            }
            for source in reply.sources
        ],
        "metadata": {
            "query": request.query,
            "cached": reply.tier == "l1",
            "timestamp": datetime.fromtimestamp(written / 1000, UTC).isoformat("T", "milliseconds"),
            "tier": reply.tier,
            "match": reply.match,
            "matched_question": reply.matched_question,
            "similarity": round(reply.similarity, 6) if reply.similarity else None,
            "stale": reply.stale,
            "extractive": reply.extractive,
            "age": max(0, int(time.time() - written / 1000)),
            "cache": reply.cache,
            "answer_id": reply.answer_id,
            "model": answer.model if answer else None,
            "truncated": reply.question.truncated,
        },
    }
    if explain:
        body["metadata"]["refused"] = reply.match_refusal
    return to_json(body)
