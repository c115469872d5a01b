"""Right and wrong hits on labelled pairs of questions: one is asked, then the other."""

from collections.abc import Sequence

from shared.notes.note import Source
from tests.benchmarks.report import Metric
from tests.evaluation.datasets import rows
from tests.evaluation.embedding_cache import EMBEDDER
from tests.peers.peer import Backend, Peer, Vectors
from tests.peers.registry import open_peers

DATA_SETS = {
    "note_questions": "note_questions_dev",
    "support": "support_dev",
    "open_web": "qqp_dev",
}
_MOST_PAIRS = 1_000  # of a data set
_SOURCES = (Source("note#0", "note", "The same passage for every question.", 0.5),)


async def measure_matching() -> dict[str, Metric]:
    """Ask all pairs of the data sets."""
    vectors = Vectors(EMBEDDER)
    tables = {name: rows(f"pairs/{file}.tsv")[:_MOST_PAIRS] for name, file in DATA_SETS.items()}
    await vectors.add(row[side] for table in tables.values() for row in table for side in "ab")
    measured: dict[str, Metric] = {}
    async with open_peers(Backend(vectors, lambda _: _SOURCES)) as peers:
        for name, peer in peers.items():
            for data_set, table in tables.items():
                print(f"  {name}: {data_set}", flush=True)
                pairs = [(row["a"], row["b"], row["label"] == "1") for row in table]
                for what, metric in (await count_hits(peer, pairs)).items():
                    measured[f"{name}_{data_set}_{what}"] = metric
            measured[f"{name}_other_user_hits"] = await ask_as_two_users(peer, pairs[0][0])
    return measured


async def ask_as_two_users(peer: Peer, question: str) -> Metric:
    """Ask as one user, then as another: whether the second gets the cached answer."""
    await peer.clear()
    await peer.ask("ann", question)
    hit = (await peer.ask("bob", question)).hit
    return Metric(unit="hits of another user's answer", value=int(hit))


async def count_hits(peer: Peer, pairs: Sequence[tuple[str, str, bool]]) -> dict[str, Metric]:
    """Ask both questions of each pair, as a user without other questions.

    Args:
        peer: the cache; its questions are forgotten after each pair.
        pairs: two questions, and whether one answer serves both.
    """
    right = wrong = 0
    for number, (first, second, same) in enumerate(pairs):
        await peer.clear()
        await peer.ask(str(number), first)
        hit = (await peer.ask(str(number), second)).hit
        right += hit and same
        wrong += hit and not same
    positives = sum(same for _, _, same in pairs)
    return {
        "right": Metric(unit=f"of {positives:,} pairs with one answer", value=right),
        "wrong": Metric(unit=f"of {len(pairs) - positives:,} pairs with two", value=wrong),
    }
