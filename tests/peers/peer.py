"""What `make peers` asks of each cache, and what it gives to each: vectors, sources and answers."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
from redis import Redis

from shared.inference.ports import Embedder
from shared.notes.messages.note_changed import NoteChanged
from shared.notes.note import Source
from shared.text.canonical_form import canonical_form
from shared.vectors import Vector

DIMENSIONS = 384
_PROBES = ("test", "dimension test")  # texts that peers embed at their start


class Vectors:
    """Vectors that are computed before a measurement, so that no peer waits for the model."""

    dimensions = DIMENSIONS

    def __init__(self, embedder: Embedder) -> None:
        self.model = embedder.model
        self.calls = 0
        """How many times a peer has requested the vector of a question."""
        self._embedder = embedder
        self._units = {probe: [1.0] + [0.0] * (DIMENSIONS - 1) for probe in _PROBES}

    async def add(self, questions: Iterable[str]) -> None:
        """Compute the vectors of questions: those of their canonical forms, as Tercet does."""
        new = list(dict.fromkeys(questions))
        vectors = await self._embedder.embed([canonical_form(question) for question in new])
        for question, vector in zip(new, vectors, strict=True):
            wide = vector.astype(np.float64)
            self._units[question] = (wide / np.linalg.norm(wide)).tolist()

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return canonical vectors: the `Embedder` of Tercet."""
        self.calls += len(texts)
        return await self._embedder.embed(texts)

    def __call__(self, question: str) -> list[float]:
        """Return the unit vector of a question: the embedding function of the other peers.

        Raises:
            KeyError: the vector was not added.
        """
        self.calls += 1
        return self._units[question]


@dataclass(frozen=True, slots=True)
class Response:
    """What an application returns for a question."""

    question: str
    """The question that the answer was generated for."""
    answer: str
    sources: Sequence[Source]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Response":
        fields = json.loads(text)
        sources = [Source._make(values) for values in fields.pop("sources")]
        return cls(**fields, sources=sources)


@dataclass(frozen=True, slots=True)
class Backend:
    """What a cache stands in front of, without latency."""

    vectors: Vectors
    search: Callable[[str], Sequence[Source]]
    """Returns the sources of a question as the notes are now."""
    generate: Callable[[str], str] = "The answer to: {}".format

    def respond(self, question: str) -> Response:
        """Return a new response."""
        return Response(question, self.generate(question), self.search(question))


@dataclass(frozen=True, slots=True)
class Reply:
    """Whether a cached answer was returned; `read` returns the response."""

    hit: bool
    read: Callable[[], Response]


class Peer(ABC):
    """One cache in front of a `Backend`, with the defaults of its documentation.

    Class attributes:
        title: the column of the table.
        package: the distribution whose version is printed; empty if it has none.
        accepts: when it accepts another wording.
        needs_search: whether its server must have the RediSearch module.
        uses_redis: whether it stores anything in Redis.
    """

    title: ClassVar[str]
    package: ClassVar[str]
    accepts: ClassVar[str]
    needs_search: ClassVar[bool] = False
    uses_redis: ClassVar[bool] = True

    def __init__(self, url: str, backend: Backend, *, patient: bool = True) -> None:
        """`patient`: wait for a Redis that is slow; False is the peer's default."""
        self.url = url
        self.backend = backend
        self.patient = patient

    @abstractmethod
    async def ask(self, user: str, question: str) -> Reply:
        """Answer from the cache, or generate and store."""

    @abstractmethod
    async def ping(self) -> object:
        """Send PING with the client that the peer uses."""

    async def fill(self, user: str, question: str) -> None:
        """Store the response to a question that is not cached."""
        await self.ask(user, question)

    async def import_notes(self, user: str, notes: Mapping[str, str]) -> None:  # noqa: B027
        """Store the user's notes, if the peer knows notes."""

    async def change(self, change: NoteChanged) -> None:  # noqa: B027
        """Drop what a changed note affects, by the means that the peer documents."""

    async def clear(self) -> None:
        """Forget all questions."""
        with Redis.from_url(self.url) as client:
            client.flushdb()

    def stored_bytes(self) -> int:
        """Return the memory that the peer's server uses."""
        with Redis.from_url(self.url) as client:
            return int(client.info("memory")["used_memory"])

    async def aclose(self) -> None:  # noqa: B027
        """Close the connections."""


class LookupPeer(Peer):
    """A cache with a lookup and a store, which does not know where answers come from."""

    async def ask(self, user: str, question: str) -> Reply:
        cached = await self.lookup(user, question)
        if cached is not None:
            return Reply(hit=True, read=lambda: Response.from_json(cached))
        response = self.backend.respond(question)
        await self.store(user, response)
        return Reply(hit=False, read=lambda: response)

    async def fill(self, user: str, question: str) -> None:
        await self.store(user, self.backend.respond(question))

    @abstractmethod
    async def lookup(self, user: str, question: str) -> str | None:
        """Return the cached JSON of a response."""

    @abstractmethod
    async def store(self, user: str, response: Response) -> None:
        """Store a response."""
