"""The naive design of the benchmarks, with cosine 0.85 for other wordings."""

from typing import TYPE_CHECKING, Any

import numpy as np

from shared.notes.messages.note_changed import NoteChanged
from shared.notes.note import Source
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.workload import WorkloadItem
from tests.peers.peer import Backend, Peer, Reply, Response

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COSINE = 0.85


class NaivePeer(Peer):
    title = "naive"
    package = ""
    accepts = "cosine ≥ 0.85"

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        super().__init__(url, backend, patient=patient)
        self._cache = NaiveCache(url)
        self._asked: dict[str, dict[str, NDArray[np.float32]]] = {}

    async def ask(self, user: str, question: str) -> Reply:
        asked = self._asked.setdefault(user, {})
        if question in asked:
            matched, vector = question, asked[question]
        else:
            vector = np.array(self.backend.vectors(question), np.float32)
            matched = _nearest(vector, asked) or question
            vector = asked.get(matched, vector)
        response = self.backend.respond(matched)
        item = WorkloadItem(user, matched, vector, tuple(response.sources), response.answer)
        cached = await self._cache.ask(item)
        asked[matched] = vector
        return Reply("_cache_metadata" in cached, lambda: _response(cached))

    async def change(self, change: NoteChanged) -> None:
        await self._cache.invalidate(change.user_id)

    async def clear(self) -> None:
        await super().clear()
        self._asked.clear()

    async def ping(self) -> object:
        return await self._cache.client.ping()

    async def aclose(self) -> None:
        await self._cache.aclose()


def _nearest(vector: "NDArray[np.float32]", asked: "dict[str, NDArray[np.float32]]") -> str | None:
    if not asked:
        return None
    cosines = np.stack(list(asked.values())) @ vector
    return list(asked)[cosines.argmax()] if cosines.max() >= _COSINE else None


def _response(cached: dict[str, Any]) -> Response:
    sources = [Source(**chunk) for chunk in cached["sources"]]
    return Response(cached["metadata"]["query"], cached["answer"], sources)
