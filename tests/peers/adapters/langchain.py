"""LangChain's `RedisSemanticCache`; the user is a part of `llm_string`."""

from langchain_core.embeddings import Embeddings
from langchain_core.outputs import Generation
from langchain_redis import RedisSemanticCache

from tests.peers.peer import Backend, LookupPeer, Response, Vectors


class LangChainPeer(LookupPeer):
    title = "langchain-redis"
    package = "langchain-redis"
    accepts = "cosine ≥ 0.80"
    needs_search = True

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        super().__init__(url, backend, patient=patient)
        self._cache = RedisSemanticCache(_Embeddings(backend.vectors), redis_url=url)

    async def lookup(self, user: str, question: str) -> str | None:
        found = self._cache.lookup(question, user)
        return found[0].text if found else None

    async def store(self, user: str, response: Response) -> None:
        self._cache.update(response.question, user, [Generation(text=response.to_json())])

    async def clear(self) -> None:
        self._cache.clear()

    async def ping(self) -> object:
        return self._cache.redis.ping()

    async def aclose(self) -> None:
        self._cache.redis.close()


class _Embeddings(Embeddings):  # type: ignore[misc]  # not installed where mypy runs
    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def embed_query(self, text: str) -> list[float]:
        return self._vectors(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._vectors(text) for text in texts]
