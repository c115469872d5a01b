"""Reads the reply of an embedding model, in the forms that hosts send.

| form | host |
|---|---|
| `[[…], …]`, or `[…]` for one text | Hugging Face, text-embeddings-inference |
| `{"data": [{"index": 0, "embedding": […]}, …]}` | OpenAI, vLLM, llama.cpp |
| `{"embeddings": [[…], …]}` | Ollama (`/api/embed`) |
| `[{"index": 0, "embedding": [[…]]}, …]` | llama.cpp (`/embedding`) |

An embedding is a list of numbers, or float32 in Base64 with the least significant byte first.
"""

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.vectors import canonical

if TYPE_CHECKING:
    from shared.vectors import Vector


def read_embeddings(reply: Any, count: int, dimensions: int, prefix: str) -> list["Vector"]:
    """Return one canonical embedding for each of `count` texts, in their order.

    `prefix` is that of the settings which the errors name.

    Raises:
        ValueError: the reply does not contain them. The message completes `The host sent …`.
    """
    rows = _unwrap(_order(_find_rows(reply)), count)
    if len(rows) != count:
        raise ValueError(f"{len(rows)} embeddings for {count} texts")
    return [_read_vector(row, dimensions, prefix) for row in rows]


def _find_rows(reply: Any) -> list[Any]:
    rows = reply
    if isinstance(reply, dict):
        rows = next((reply[key] for key in ("data", "embeddings") if key in reply), None)
        if rows is None and "embedding" in reply:
            rows = [reply["embedding"]]
    if not isinstance(rows, list) or not rows:
        raise ValueError("no list of embeddings")
    return rows if isinstance(rows[0], list | dict | str) else [rows]


def _order(rows: list[Any]) -> list[Any]:
    """Return the embeddings of items in the order of `index`, or as sent if no item has one."""
    if not isinstance(rows[0], dict):
        return rows
    if not all(isinstance(row, dict) and "embedding" in row for row in rows):
        raise ValueError("an item without an embedding")
    indexes = [row.get("index") for row in rows]
    if all(index is None for index in indexes):
        indexes = list(range(len(rows)))
    names = [str(index) if isinstance(index, int | str) else "" for index in indexes]
    by_index = {name: row["embedding"] for name, row in zip(names, rows, strict=True)}
    order = [str(index) for index in range(len(rows))]
    if by_index.keys() != set(order):
        raise ValueError(f"embeddings whose index is not each of 0 to {len(rows) - 1} once")
    return [by_index[index] for index in order]


def _unwrap(rows: list[Any], count: int) -> list[Any]:
    """Remove one level of lists that contains nothing else: around all rows, or around each."""
    if all(_is_nested(row) and len(row) == 1 for row in rows):
        return [row[0] for row in rows]
    if len(rows) == 1 and _is_nested(rows[0]) and len(rows[0]) == count:
        only: list[Any] = rows[0]
        return only
    return rows


def _is_nested(row: Any) -> bool:
    return isinstance(row, list) and bool(row) and isinstance(row[0], list)


def _read_vector(row: Any, dimensions: int, prefix: str) -> "Vector":
    if isinstance(row, str):
        try:
            row = np.frombuffer(base64.b64decode(row, validate=True), "<f4").tolist()
        except ValueError:
            raise ValueError("an embedding that is neither numbers nor Base64 of float32") from None
    if _is_nested(row):
        raise ValueError(
            "a vector for each token instead of one for each text;"
            f" set {prefix}_MODEL to a sentence-transformers model"
        )
    if not isinstance(row, list) or not set(map(type, row)) <= {int, float}:
        raise ValueError("an embedding that is not a list of numbers")
    if len(row) != dimensions:
        raise ValueError(f"{len(row)} dimensions, but {prefix}_DIMENSIONS is {dimensions}")
    try:
        return canonical(row)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"an unusable embedding: {error}") from None
