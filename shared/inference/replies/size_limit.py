"""Limits the size of a model host's reply while it is read and decompressed.

httpx decompresses each chunk that it reads without a limit, and one kilobyte of gzip can hold a
megabyte.
"""

import zlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from shared.inference.ports import ReplyReader

MAX_REPLY_BYTES = 8 * 1024 * 1024
"""Decompressed. 32 embeddings of 4,096 numbers are 3 MB of JSON."""

ACCEPTED_ENCODING = "gzip"
_READ = "tercet.read"
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


async def limit_size(response: httpx.Response) -> None:
    """Make reading a response fail with `httpx.DecodingError` beyond `MAX_REPLY_BYTES`.

    An event hook of `httpx.AsyncClient`. It also decompresses the response, in place of httpx, and
    passes an event stream to the reader of the request.
    """
    is_compressed = response.headers.pop("Content-Encoding", "identity") != "identity"
    if isinstance(response.stream, httpx.AsyncByteStream):
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        is_read = response.is_success and media_type == "text/event-stream"
        read = response.request.extensions.get(_READ) if is_read else None
        response.stream = _LimitedStream(response.stream, read, is_compressed=is_compressed)


def read_events_with(reader: "ReplyReader | None") -> dict[str, Any]:
    """Return the arguments of a request whose event stream goes to `reader` as it arrives."""
    if reader is None:
        return {}
    # A proxy that compresses may hold back what it has received.
    return {"extensions": {_READ: reader.feed}, "headers": {"Accept-Encoding": "identity"}}


class _LimitedStream(httpx.AsyncByteStream):
    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        read: "Callable[[bytes], None] | None",
        *,
        is_compressed: bool,
    ) -> None:
        self._stream = stream
        self._read = read
        self._decompressor = zlib.decompressobj(_ZLIB_OR_GZIP) if is_compressed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            content = chunk
            if self._decompressor:
                try:
                    content = self._decompressor.decompress(chunk, MAX_REPLY_BYTES - size + 1)
                except zlib.error:
                    raise httpx.DecodingError("its compressed body is not gzip") from None
            size += len(content)
            if size > MAX_REPLY_BYTES:
                raise httpx.DecodingError(f"its body exceeds {MAX_REPLY_BYTES:,} bytes")
            if self._read:
                self._read(content)
            yield content

    async def aclose(self) -> None:
        await self._stream.aclose()
