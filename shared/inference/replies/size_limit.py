"""Limits the size of a model host's reply while it is read and decompressed.

httpx decompresses each chunk that it reads without a limit, and one kilobyte of gzip can hold a
megabyte.
"""

import zlib
from collections.abc import AsyncIterator

import httpx

MAX_REPLY_BYTES = 8 * 1024 * 1024
"""Decompressed. 32 embeddings of 4,096 numbers are 3 MB of JSON."""

ACCEPTED_ENCODING = "gzip"
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


async def limit_size(response: httpx.Response) -> None:
    """Make reading a response fail with `httpx.DecodingError` beyond `MAX_REPLY_BYTES`.

    An event hook of `httpx.AsyncClient`. It also decompresses the response, in place of httpx.
    """
    is_compressed = response.headers.pop("Content-Encoding", "identity") != "identity"
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _LimitedStream(response.stream, is_compressed=is_compressed)


class _LimitedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, *, is_compressed: bool) -> None:
        self._stream = stream
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
            yield content

    async def aclose(self) -> None:
        await self._stream.aclose()
