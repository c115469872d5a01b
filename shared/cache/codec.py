"""How values look as bytes: msgpack, texts compressed besides. Pure.

Bytes that do not decode, or that are not of the types asked for, are None: a miss.
"""

from typing import Any

import brotli
import msgpack

VERSION = "1"
"""The first byte of every index entry and embedding: raise it where their form changes."""

# Small texts of prose: Brotli carries a dictionary of common words. Its quality 10 makes them a
# tenth smaller than zlib can, for about a millisecond at each store.
_QUALITY = 10


def pack(*values: object) -> bytes:
    """Write values as a msgpack array."""
    packed: bytes = msgpack.packb(values)
    return packed


def unpack(data: bytes, *types: type) -> list[Any] | None:
    """Read a msgpack array of these types."""
    try:
        values = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException):
        return None
    if not isinstance(values, list) or len(values) != len(types):
        return None
    return values if all(map(isinstance, values, types)) else None


def pack_text(answer_id: str, *values: object) -> bytes:
    """Write what belongs to an answer: whose it is, then the values, compressed."""
    compressed: bytes = brotli.compress(pack(*values), quality=_QUALITY)
    return answer_id.encode("ascii") + compressed


def unpack_text(answer_id: str, data: bytes, *types: type) -> list[Any] | None:
    """Read what belongs to this answer, and to no other."""
    owner = answer_id.encode("ascii")
    if not data.startswith(owner):
        return None
    try:
        return unpack(brotli.decompress(data[len(owner) :]), *types)
    except brotli.error:
        return None
