"""Parses the format safetensors: the length of a JSON header, the header, then raw tensors.

Source: https://huggingface.co/docs/safetensors
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {"F16": "<f2", "F32": "<f4", "I8": "i1", "I64": "<i8"}
_LENGTH_BYTES = 8


def parse_safetensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Return every tensor by its name, as a view of the content."""
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES:start])
    header.pop("__metadata__", None)
    body = memoryview(content)[start:]
    return {
        name: np.frombuffer(body[slice(*each["data_offsets"])], _TYPES[each["dtype"]]).reshape(
            each["shape"]
        )
        for name, each in header.items()
    }
