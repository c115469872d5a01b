"""Embeddings in their many forms. Each reply is to a request for two texts."""

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


EMBEDDINGS = (
    _embed("list", "sends a list", VECTORS),
    _embed("OpenAI", "sends items with an index", _items(_ONE, _TWO)),
    _embed("out of order", "sends items in another order", _items(_TWO, _ONE, indexes=(1, 0))),
    _embed("one missing", "sends too few", [_ONE], "error: 1 embeddings for 2 texts"),
    _embed("one too many", "sends too many", [*VECTORS, _TWO], "error: 3 embeddings for 2 texts"),
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
    _embed("zero", "sends a zero vector", [[0.0] * 4, _TWO], "error: not all zero"),
    _embed("null", "sends null", [[None, *_ONE[1:]], _TWO], "error: not a list of numbers"),
    _embed("NaN", "sends NaN", "[[NaN, 0, 0, 1], [0, 0.25, 1, 0]]", "error: must be finite"),
)
