"""What the OpenAPI document says of `ask`: see `functions/http/documentation.py`."""

import json
from typing import Any

from functions.ask.serializers import serialize_reply
from functions.http.documentation import Operation
from shared.answer import Answer
from shared.notes.note import Source
from shared.question import Question, Request
from shared.reply import Reply

_QUESTION = "What is faith?"
_ANSWER_ID = "q3Jx0vN8m2Y"

_FOLLOW_UP = {
    "query": "And who wrote that?",
    "history": [
        {"role": "user", "content": _QUESTION},
        {"role": "assistant", "content": "Faith is being sure of what we hope for [1]."},
    ],
}

_CACHE_CONTROL = {
    "name": "Cache-Control",
    "in": "header",
    "description": "`no-cache` requests a new answer; `no-store` leaves nothing in the cache.",
    "schema": {"type": "string"},
}


def _answer(**members: Any) -> Any:
    """Return a response as the function builds it."""
    request, question = Request("ann", _QUESTION), Question.parse(_QUESTION)
    text = "Faith is being sure of what we hope for [1]."
    answer = Answer(_ANSWER_ID, text, "meta-llama/Llama-3.1-8B-Instruct", 1_764_234_000_000, 0.0)
    content = "Faith is being sure of what we hope for."
    sources = [Source("hebrews#0", "hebrews", content, 0.7312, "Hebrews")]
    body = json.loads(serialize_reply(request, Reply(question, answer, sources, "ok", **members)))
    is_cached = body["metadata"]["cached"]
    body["metadata"] |= {"age": 12, "ttl": 172_788} if is_cached else {"age": 0, "ttl": 86_400}
    return body


OPERATIONS = {
    "POST /v1/assistant/query": Operation(
        "askQuestion",
        "questions",
        problems=(400, 413, 415, 422, 429, 502, 504),
        request_examples={
            "question": {"query": _QUESTION},
            "follow-up": _FOLLOW_UP,
            "from notes with a tag": {"query": _QUESTION, "tags": ["new testament"]},
            "without semantic matches": {"query": _QUESTION, "match": "exact", "explain": True},
        },
        response_examples={
            "miss": _answer(),
            "exact hit": _answer(tier="l1", match="exact"),
            "semantic hit": _answer(
                tier="l1", match="semantic", matched_question="Define faith", similarity=0.91
            ),
        },
        headers=("Cache-Status",),
        parameters=(_CACHE_CONTROL,),
    ),
    "POST /v1/assistant/feedback": Operation(
        "reportWrongAnswer",
        "questions",
        problems=(400, 404, 413, 415, 422),
        request_examples={"wrong answer": {"answer_id": _ANSWER_ID, "verdict": "wrong"}},
    ),
}
