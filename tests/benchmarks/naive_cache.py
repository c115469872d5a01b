"""The naive design that benchmarks compare with: one key per entry, one command per round trip.

    query:v1:<hash>           msgpack: the whole response, chunks included            24 h
    meta:query:v1:<hash>      hash: the question, its hits, the cost that they saved  24 h
    embedding:v1:<hash>       msgpack: 384 floats                                     7 d
    context:v1:<user>:<hash>  msgpack: the chunks                                     1 h

The key of an answer contains its chunk ids, so a hit needs the embedding and the chunks first.
Finding a user's entries requires a SCAN over all keys.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from shared.notes.note import Source
from tests.benchmarks.workload import WorkloadItem

_DAY = 86_400
_COST = 0.00026


class NaiveCache:
    """The three tiers of the naive design."""

    def __init__(self, url: str, database: int = 0) -> None:
        self.client: Any = Redis.from_url(
            url, db=database, max_connections=50, socket_timeout=5, socket_connect_timeout=5
        )

    async def ask(self, item: WorkloadItem) -> dict[str, Any]:
        """Return the response, from the cache if possible, and store what was missing."""
        embedding = await self._embedding(item)
        chunks = await self._chunks(item, hashlib.sha256(embedding.tobytes()).hexdigest())
        key = _answer_key(item, [chunk["chunk_id"] for chunk in chunks])
        cached = await self.client.get(key)
        if cached:
            await self.client.hincrby(f"meta:{key}", "hit_count", 1)
            await self.client.hincrbyfloat(f"meta:{key}", "cost_saved", _COST)
            hit: dict[str, Any] = msgpack.unpackb(cached)
            return hit
        response = _response(item, chunks)
        await self._store(key, item, response)
        return response

    async def invalidate(self, user_id: str) -> None:
        """Delete a user's contexts."""
        async for key in self.client.scan_iter(match=f"context:v1:{user_id}:*"):
            await self.client.delete(key)

    async def stats(self) -> dict[str, float]:
        """Return the number of entries in each tier, the hits and the cost saved."""
        hits, saved, answers = 0, 0.0, 0
        keys = [key async for key in self.client.scan_iter(match="meta:query:v1:*")]
        for key in keys:
            meta = await self.client.hgetall(key)
            hits, saved = hits + int(meta[b"hit_count"]), saved + float(meta[b"cost_saved"])
            answers += 1
        tiers = {"embeddings": "embedding:v1:*", "contexts": "context:v1:*"}
        counted = {name: await self._count(pattern) for name, pattern in tiers.items()}
        return {"answers": answers, "hits": hits, "saved": saved} | counted

    async def aclose(self) -> None:
        await self.client.aclose()

    async def _embedding(self, item: WorkloadItem) -> NDArray[np.float32]:
        words = re.sub(r"[^\w\s]", "", item.question.lower()).split()
        key = f"embedding:v1:{_short_hash(' '.join(words))}"
        cached = await self.client.get(key)
        if cached:
            return np.array(msgpack.unpackb(cached), dtype=np.float32)
        await self.client.setex(key, 7 * _DAY, msgpack.packb(item.embedding.tolist()))
        return item.embedding

    async def _chunks(self, item: WorkloadItem, embedding_hash: str) -> list[dict[str, Any]]:
        key = f"context:v1:{item.user_id}:{embedding_hash[:16]}"
        cached = await self.client.get(key)
        if cached:
            chunks: list[dict[str, Any]] = msgpack.unpackb(cached)
            return chunks
        chunks = [_chunk(source) for source in item.sources]
        await self.client.setex(key, 3_600, msgpack.packb(chunks))
        return chunks

    async def _store(self, key: str, item: WorkloadItem, response: dict[str, Any]) -> None:
        now = _now()
        metadata = {"cached_at": now, "ttl": _DAY, "user_id": item.user_id}
        value = msgpack.packb(response | {"_cache_metadata": metadata})
        meta = {
            "query": item.question[:100],
            "user_id": item.user_id,
            "created_at": now,
            "hit_count": 0,
            "cost_saved": 0.0,
        }
        await self.client.setex(key, _DAY, value)
        await self.client.hset(f"meta:{key}", mapping=meta)
        await self.client.expire(f"meta:{key}", _DAY)

    async def _count(self, pattern: str) -> int:
        return len([key async for key in self.client.scan_iter(match=pattern)])


def _answer_key(item: WorkloadItem, chunk_ids: list[str]) -> str:
    parts = {
        "user_id": item.user_id,
        "query": item.question.strip().lower(),
        "context_ids": sorted(chunk_ids),
    }
    return f"query:v1:{_short_hash(json.dumps(parts, sort_keys=True))}"


def _response(item: WorkloadItem, chunks: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"query": item.question, "cached": False, "timestamp": _now()}
    return {"answer": item.answer, "sources": chunks, "metadata": metadata}


def _chunk(source: Source) -> dict[str, Any]:
    return {
        "chunk_id": source.chunk_id,
        "content": source.content,
        "note_id": source.note_id,
        "similarity": source.similarity,
    }


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
