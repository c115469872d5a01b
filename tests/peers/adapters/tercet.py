"""Tercet: the whole `ask` path with the default settings, without a verifier."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.container import Container
from shared.inference.ports import Completion
from shared.notes.messages.note_changed import NoteChanged
from shared.notes.note import Chunk, Source
from shared.question import Request
from shared.settings import Settings
from shared.tags import Tags
from shared.vectors import Vector
from tests.evaluation.evaluation_container import all_chunks, import_notes
from tests.peers.peer import Backend, Peer, Reply, Response
from tests.support.memory_note_store import MemoryNoteStore

_PATIENT_SECONDS = 5


class TercetPeer(Peer):
    title = "Tercet"
    package = "tercet"
    accepts = "pair model, cosine ≥ 0.70"

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        super().__init__(url, backend, patient=patient)
        timeout: dict[str, Any] = {"redis_timeout": _PATIENT_SECONDS} if patient else {}
        self._models = _Models(backend)
        self._container = Container(
            Settings(redis_url=url, semantic_verifier="none", **timeout),
            store=self._models,
            embedder=backend.vectors,
            answerer=self._models,
        )

    async def ask(self, user: str, question: str) -> Reply:
        self._models.asked = question
        reply = await self._container.assistant.ask(Request(user, question))
        if self.patient and reply.cache != "ok":
            raise RuntimeError(f"the cache did not serve a question: {reply.cache}")
        answered = reply.matched_question or reply.question.wording
        return Reply(reply.tier == "l1", lambda: Response(answered, reply.text, reply.sources))

    async def import_notes(self, user: str, notes: Mapping[str, str]) -> None:
        self._models.has_notes = True
        await import_notes(self._container, user, notes)

    async def chunks(self, user: str) -> list[Chunk]:
        """Return the chunks of the user's notes as they are now."""
        return await all_chunks(self._container, user)

    async def change(self, change: NoteChanged) -> None:
        await self._container.freshness.note_changed(change)

    async def ping(self) -> object:
        client: Any = self._container.redis_client
        return await client._client.ping()

    async def aclose(self) -> None:
        await self._container.aclose()


class _Models(MemoryNoteStore):
    """The search and the language model of the backend; a real search if there are notes."""

    model = "a model"

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend
        self.has_notes = False
        self.asked = ""

    async def search(
        self, user_id: str, embedding: Vector, k: int, tags: Tags = ()
    ) -> list[Source]:
        if self.has_notes:
            return await super().search(user_id, embedding, k, tags)
        return list(self._backend.search(self.asked))

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        return Completion(self._backend.generate(self.asked), self.model, cost=0.00026)
