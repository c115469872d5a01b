"""GPTCache with SQLite and faiss, as its README sets it up. It does not separate users.

Its token counter, which downloads an encoding, is off, and no question is evicted.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from gptcache import Cache, Config
from gptcache.adapter.api import get, put
from gptcache.manager import manager_factory
from gptcache.processor.pre import get_prompt
from gptcache.similarity_evaluation import SearchDistanceEvaluation
from redis import Redis

from tests.peers.peer import DIMENSIONS, Backend, LookupPeer, Response

_NEVER_EVICT = 1_000_000


class GPTCachePeer(LookupPeer):
    title = "GPTCache"
    package = "gptcache"
    accepts = "cosine ≥ 0.60"
    uses_redis = False

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        super().__init__(url, backend, patient=patient)
        self._redis = Redis.from_url(url)
        self._folder = TemporaryDirectory(prefix="tercet-gptcache-")
        self._cache = Cache()
        self._data = manager_factory(
            "sqlite,faiss",
            self._folder.name,
            vector_params={"dimension": DIMENSIONS},
            eviction_params={"max_size": _NEVER_EVICT},
        )
        self._cache.init(
            pre_embedding_func=get_prompt,
            embedding_func=lambda question, **_: np.array(backend.vectors(question), np.float32),
            data_manager=self._data,
            similarity_evaluation=SearchDistanceEvaluation(),
            config=Config(enable_token_counter=False),
        )

    async def lookup(self, user: str, question: str) -> str | None:
        cached: str | None = get(question, cache_obj=self._cache)
        return cached

    async def store(self, user: str, response: Response) -> None:
        put(response.question, response.to_json(), cache_obj=self._cache)

    async def clear(self) -> None:
        if ids := self._data.s.get_ids(deleted=False):
            self._data.s.mark_deleted(ids)
            self._data.s.clear_deleted_data()
            self._data.v.delete(ids)

    def stored_bytes(self) -> int:
        """Return the size of the files; the vectors are in this process, too."""
        self._cache.flush()
        files = Path(self._folder.name).iterdir()
        return sum(path.stat().st_size for path in files)

    async def ping(self) -> object:
        """Send PING with redis-py: the unit of time of the other columns."""
        return self._redis.ping()

    async def aclose(self) -> None:
        self._redis.close()
        self._data.close()
        self._folder.cleanup()
