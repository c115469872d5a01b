"""What a hit and 10,000 stored questions cost."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle

from infra.local.minilm import MiniLMEmbedder
from shared.vectors import Vector
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import Stopwatch, interleave
from tests.benchmarks.workload import DIMENSIONS, PIPELINE, WorkloadItem, workload
from tests.peers.peer import Backend, Peer, Vectors
from tests.peers.registry import installed_peers, open_peers

HITS = 200
QUESTIONS = 10_000


async def measure_hits() -> dict[str, Metric]:
    """Time exact hits of all peers in turns, and count the embeddings that a hit needs."""
    items = workload(HITS)
    backend = await backend_of(items)
    sides: dict[str, Callable[[], Awaitable[object]]] = {}
    embeddings: dict[str, float] = {}
    async with open_peers(backend) as peers:
        for name, peer in peers.items():
            for item in items:
                await peer.fill(item.user_id, item.question)
            before = backend.vectors.calls
            for item in items:
                await _hit(peer, item)
            embeddings[name] = (backend.vectors.calls - before) / HITS
            sides |= {f"{name} ping": peer.ping, name: _next_hit(peer, items)}
        watch = await interleave(sides, rounds=20, each=20)
        embedding_ms = _embedding_milliseconds([item.question for item in items])
        measured = {"embedding_ms": Metric(unit="ms for a question", value=embedding_ms)}
        for name in peers:
            pings = watch.ratio(name, f"{name} ping")
            measured[f"{name}_hit_pings"] = Metric(unit="PINGs", value=pings)
            milliseconds = (watch.median(name) or 0.0) * 1e3 + embeddings[name] * embedding_ms
            measured[f"{name}_hit_ms"] = Metric(
                unit="ms, the embedding of the question included", value=milliseconds
            )
            measured[f"{name}_hit_embeddings"] = Metric(
                unit="embeddings for an exact hit", value=embeddings[name]
            )
    return measured


async def measure_memory() -> dict[str, Metric]:
    """Store the same questions in each peer: 20 a user, with answers of 1,200 characters."""
    items = workload(QUESTIONS)
    backend = await backend_of(items)
    measured: dict[str, Metric] = {}
    for name, kind in installed_peers().items():
        print(f"  {name}", flush=True)
        async with open_peers(backend, name) as peers:
            peer = peers[name]
            empty = peer.stored_bytes()
            for item in items:
                await peer.fill(item.user_id, item.question)
            megabytes = (peer.stored_bytes() - empty) / 1e6
        unit = "MB" if kind.uses_redis else "MB, in files"
        measured[f"{name}_mb_per_10k"] = Metric(unit=unit, value=megabytes)
    return measured


async def backend_of(items: Sequence[WorkloadItem]) -> Backend:
    """Return a backend that knows the questions of a workload."""
    by_question = {item.question: item for item in items}
    vectors = Vectors(_WorkloadEmbedder(by_question))
    await vectors.add(by_question)
    return Backend(
        vectors,
        lambda question: by_question[question].sources,
        lambda question: by_question[question].answer,
    )


class _WorkloadEmbedder:
    """Returns the vectors of a workload's questions."""

    model = PIPELINE.embedding
    dimensions = DIMENSIONS

    def __init__(self, items: dict[str, WorkloadItem]) -> None:
        self._items = items

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [self._items[text].vector for text in texts]


def _embedding_milliseconds(questions: Sequence[str]) -> float:
    """Return the median time that MiniLM needs for one question."""
    minilm, watch = MiniLMEmbedder(), Stopwatch()
    minilm.encode(questions[:1])
    for question in questions:
        with watch.timing("question"):
            minilm.encode([question])
    return (watch.median("question") or 0.0) * 1e3


def _next_hit(peer: Peer, items: Sequence[WorkloadItem]) -> Callable[[], Awaitable[object]]:
    turns = cycle(items)
    return lambda: _hit(peer, next(turns))


async def _hit(peer: Peer, item: WorkloadItem) -> None:
    if not (await peer.ask(item.user_id, item.question)).hit:
        raise RuntimeError(f"{peer.title} did not return a cached answer")
