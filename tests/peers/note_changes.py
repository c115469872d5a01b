"""Stale and kept answers while a user's notes change.

The user has 732 devotional readings and has asked some catechism questions. After each change every
question is asked again, and the answer's sources are compared with a search at that moment.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from shared.notes.note import Source
from shared.settings import Settings
from shared.text.canonical_form import canonical_form
from tests.benchmarks.report import Metric
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import ExactSearch, same_sources
from tests.evaluation.note_changes import changes
from tests.peers.adapters.tercet import TercetPeer
from tests.peers.peer import Backend, Peer, Vectors
from tests.peers.registry import open_peers
from tests.support.data import catechism_questions, devotionals

CHANGES = 20
QUESTIONS = 50
_USER = "reader"

Sources = Mapping[str, Sequence[Source]]


async def measure_note_changes() -> dict[str, Metric]:
    """Apply the same changes in front of every peer."""
    questions = catechism_questions()[:QUESTIONS]
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()}
    vectors = Vectors(EMBEDDER)
    await vectors.add(questions)
    current: Sources = {}
    backend = Backend(vectors, lambda question: current[canonical_form(question)])
    names = [canonical_form(question) for question in questions]
    embedded = dict(zip(names, await EMBEDDER.embed(names), strict=True))
    search = ExactSearch(embedded, Settings().retrieved_chunks)
    counts: dict[str, Counter[str]] = {}
    async with open_peers(backend) as peers:
        tercet = peers["tercet"]
        assert isinstance(tercet, TercetPeer)
        await tercet.import_notes(_USER, notes)
        current = search(await tercet.chunks(_USER))
        for name, peer in peers.items():
            counts[name] = Counter()
            for question in questions:
                await peer.ask(_USER, question)
        for kind, change in changes(_USER, notes, CHANGES, random.Random(3)):
            print(f"  {kind}", flush=True)
            for peer in peers.values():
                await peer.change(change)
            before, current = current, search(await tercet.chunks(_USER))
            for name, peer in peers.items():
                for question in questions:
                    counts[name] += await _classify(peer, question, before, current)
    return {
        f"{name}_{what}": metric
        for name, found in counts.items()
        for what, metric in _metrics(name, found).items()
    }


async def _classify(peer: Peer, question: str, before: Sources, now: Sources) -> Counter[str]:
    """Ask once. An answer is stale if its own question's sources are others now."""
    reply = await peer.ask(_USER, question)
    response = reply.read()
    stale = not same_sources(response.sources, now[canonical_form(response.question)])
    own = canonical_form(question)
    unaffected = same_sources(before[own], now[own])
    return Counter(
        asked=1,
        stale=reply.hit and stale,
        unaffected=unaffected,
        kept=unaffected and reply.hit,
    )


def _metrics(name: str, counts: Counter[str]) -> dict[str, Metric]:
    kept = counts["kept"] / counts["unaffected"]
    budgets = (0, 0.95) if name == "tercet" else (None, None)
    return {
        "stale": Metric(
            unit=f"of {counts['asked']:,} answers", value=counts["stale"], budget=budgets[0]
        ),
        "kept": Metric(
            unit="share of unaffected answers", value=kept, budget=budgets[1], floor=True
        ),
    }
