"""cashews: exact questions, with a tag for each note that an answer uses."""

from cashews import Cache

from shared.notes.messages.note_changed import NoteChanged
from tests.peers.peer import Backend, LookupPeer, Response


class CashewsPeer(LookupPeer):
    title = "cashews"
    package = "cashews"
    accepts = "never"

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        super().__init__(url, backend, patient=patient)
        self._cache = Cache()
        self._cache.setup(url)

    async def lookup(self, user: str, question: str) -> str | None:
        cached: str | None = await self._cache.get(f"{user}:{question}")
        return cached

    async def store(self, user: str, response: Response) -> None:
        tags = {f"{user}:{source.note_id}" for source in response.sources}
        await self._cache.set(
            f"{user}:{response.question}", response.to_json(), expire="24h", tags=tuple(tags)
        )

    async def change(self, change: NoteChanged) -> None:
        await self._cache.delete_tags(f"{change.user_id}:{change.note_id}")

    async def ping(self) -> object:
        return await self._cache.ping()

    async def aclose(self) -> None:
        await self._cache.close()
