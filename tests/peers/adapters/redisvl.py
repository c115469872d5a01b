"""RedisVL's `SemanticCache`, with a filter by user."""

from redisvl.extensions.cache.llm import SemanticCache
from redisvl.query.filter import Tag
from redisvl.utils.vectorize import CustomVectorizer

from tests.peers.peer import Backend, LookupPeer, Response


class RedisVLPeer(LookupPeer):
    title = "RedisVL"
    package = "redisvl"
    accepts = "cosine ≥ 0.90"
    needs_search = True

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        super().__init__(url, backend, patient=patient)
        self._cache = SemanticCache(
            redis_url=url,
            vectorizer=CustomVectorizer(embed=backend.vectors),
            filterable_fields=[{"name": "user", "type": "tag"}],
        )

    async def lookup(self, user: str, question: str) -> str | None:
        found = await self._cache.acheck(prompt=question, filter_expression=Tag("user") == user)
        return found[0]["response"] if found else None

    async def store(self, user: str, response: Response) -> None:
        await self._cache.astore(
            prompt=response.question, response=response.to_json(), filters={"user": user}
        )

    async def clear(self) -> None:
        await self._cache.aclear()

    async def ping(self) -> object:
        return await self._cache.aindex.client.ping()

    async def aclose(self) -> None:
        await self._cache.adisconnect()
