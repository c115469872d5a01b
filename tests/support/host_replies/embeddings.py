"""Embeddings in their many forms. Each reply is to a request for two texts."""

import base64
import json
import struct
from typing import Any

from tests.support.host_replies.host_reply import HostReply

TEXTS = ["one", "two"]
VECTORS = [[1.0, 0.0, 0.0, -0.5], [0.0, 0.25, 1.0, 0.0]]
"""The embeddings of `TEXTS` that each usable reply below contains."""

DIMENSIONS = 4
_ONE, _TWO = VECTORS


def _embed(name: str, description: str, body: Any, outcome: str = "embedded") -> HostReply:
    return HostReply(name, description, "embeddings", body, outcome)


def _items(*rows: Any, indexes: tuple[Any, ...] = (0, 1)) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": index, "embedding": row}
        for index, row in zip(indexes, rows, strict=True)
    ]
    return {"object": "list", "data": data}


def _base64(row: list[float]) -> str:
    return base64.b64encode(struct.pack("<4f", *row)).decode()


def _refused(index: tuple[Any, ...], description: str) -> HostReply:
    outcome = "error: embeddings whose index is not each of 0 to 1 once"
    return _embed(f"index {index}", description, _items(*VECTORS, indexes=index), outcome)


def _unusable(component: str, outcome: str) -> HostReply:
    body = f"[[{component}, 0, 0, 1], [0, 0.25, 1, 0]]"
    return _embed(component, f"sends {component}", body, outcome)


_FORMS = (
    _embed("list", "sends a list", VECTORS),
    _embed("OpenAI", "sends items with an index", _items(_ONE, _TWO)),
    _embed("out of order", "sends items in another order", _items(_TWO, _ONE, indexes=(1, 0))),
    _embed("no index", "omits the index", {"data": [{"embedding": row} for row in VECTORS]}),
    _embed("null index", "sends null as index", _items(*VECTORS, indexes=(None, None))),
    _embed("text index", "sends the index as text", _items(_TWO, _ONE, indexes=("1", "0"))),
    _embed("rows in data", "sends no items", {"data": VECTORS}),
    _embed("Ollama", "is Ollama's `/api/embed`", {"model": "x", "embeddings": VECTORS}),
    _embed(
        "llama.cpp",
        "is llama.cpp's `/embedding`",
        [{"index": index, "embedding": [row]} for index, row in enumerate(VECTORS)],
    ),
    _embed("nested", "nests all embeddings one level", [VECTORS]),
    _embed("each nested", "nests each embedding one level", [[row] for row in VECTORS]),
    _embed("nested items", "nests each item's embedding", _items([_ONE], [_TWO])),
    _embed("Base64", "sends Base64", _items(_base64(_ONE), _base64(_TWO))),
    _embed("Base64 rows", "sends Base64 without items", [_base64(_ONE), _base64(_TWO)]),
    _embed("integers", "sends integers", [[2, 0, 0, -1], [0, 1, 4, 0]]),
    _embed("another norm", "does not normalise", [[30.0, 0.0, 0.0, -15.0], [0.0, 1.0, 4.0, 0.0]]),
    _embed("comments", "sends a comment first", f": wait\n\n{json.dumps(VECTORS)}"),
)

_UNUSABLE = (
    _refused((0, 0), "sends an index twice"),
    _refused((0, 2), "omits an index"),
    _refused((1, 2), "counts from 1"),
    _refused((0, None), "omits one index"),
    _embed("one missing", "sends too few", [_ONE], "error: 1 embeddings for 2 texts"),
    _embed("one too many", "sends too many", [*VECTORS, _TWO], "error: 3 embeddings for 2 texts"),
    _embed("one vector", "sends one vector", _ONE, "error: 1 embeddings for 2 texts"),
    _embed(
        "tokens",
        "sends a vector for each token",
        [[_ONE, _TWO], [_ONE]],
        "error: a vector for each token instead of one for each text",
    ),
    _embed(
        "dimensions",
        "sends another number of dimensions",
        [[1.0, 2.0], [2.0, 1.0]],
        "error: 2 dimensions, but HF_EMBEDDING_DIMENSIONS is 4",
    ),
    _embed(
        "short Base64",
        "cuts the Base64",
        [_base64(_ONE)[:-4], _base64(_TWO)],
        "error: neither numbers nor Base64 of float32",
    ),
    _unusable("NaN", "error: must be finite"),
    _unusable("-Infinity", "error: must be finite"),
    _unusable("1e999", "error: must be finite"),
    _unusable("null", "error: not a list of numbers"),
    _unusable("true", "error: not a list of numbers"),
    _unusable('"0.5"', "error: not a list of numbers"),
    _embed("zero", "sends a zero vector", [[0.0] * 4, _TWO], "error: not all zero"),
    _embed("nothing", "sends no embedding", {"data": []}, "error: no list of embeddings"),
)


def _error(
    status: int, message: str, outcome: str, description: str = "refuses the request"
) -> HostReply:
    body = {"error": {"message": message}}
    return HostReply(f"{status} {message}", description, "embeddings", body, outcome, status)


_ERRORS = (
    _error(429, "Busy, try again in 3s", "retried after 3 s", "limits the rate"),
    _error(413, "Payload too large", "error: Send less at once: lower CHUNK_WORDS"),
    _error(422, "`inputs` must have less than 512 tokens", "error: lower CHUNK_WORDS"),
    _error(400, "the input length exceeds the context length", "error: lower CHUNK_WORDS"),
    _error(
        500,
        "input (5001 tokens) is too large to process. increase the physical batch size",
        "error: Send less at once: lower CHUNK_WORDS",
        "refuses a long text (llama.cpp)",
    ),
    _error(400, '"input" or "content" must be provided', "error: Set HF_EMBEDDING_URL to the"),
    _error(422, "batch size 32 > maximum allowed batch size 8", "error: accept 32 texts"),
    _error(404, 'model "x" not found', "error: Set HF_EMBEDDING_MODEL to a model"),
    _error(400, "The model does not support Embeddings API", "error: Set HF_EMBEDDING_MODEL to a"),
    _error(422, "missing field `input`", "error: Set HF_EMBEDDING_URL to the complete URL"),
    _error(405, "Method Not Allowed", "error: Set HF_EMBEDDING_URL to the complete URL"),
    _embed(
        "error in 200",
        "sends an error with status 200",
        {"error": "Model is overloaded", "error_type": "overloaded"},
        "retried",
    ),
)

EMBEDDINGS = _FORMS + _UNUSABLE + _ERRORS
