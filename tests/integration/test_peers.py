"""The adapters and the table of `make peers`, for the peers that the project's environment has."""

from collections.abc import AsyncIterator

import pytest

from shared.notes.note import Source
from tests.benchmarks.report import Metric
from tests.peers.matching import ask_as_two_users, count_hits
from tests.peers.peer import Backend, Peer, Response, Vectors
from tests.peers.redis_failures import ask_during
from tests.peers.registry import installed_peers, open_peers
from tests.peers.table import markdown_table, with_baselines
from tests.support.full_stack import MINILM, updated

QUESTION = "How many days of vacation do we get?"
OTHER = "Who approves travel expenses?"
SOURCES = [Source("handbook#0", "handbook", "Everybody has 28 days of vacation.", 0.7)]
PEERS = ("tercet", "naive")


@pytest.fixture
async def backend() -> Backend:
    vectors = Vectors(MINILM)
    await vectors.add([QUESTION, OTHER])
    return Backend(vectors, lambda _: SOURCES)


@pytest.fixture(params=PEERS)
async def peer(request: pytest.FixtureRequest, backend: Backend) -> AsyncIterator[Peer]:
    async with open_peers(backend, request.param) as peers:
        yield peers[request.param]


def test_peers_without_other_packages_are_installed() -> None:
    assert set(PEERS) <= set(installed_peers())


async def test_peer_returns_the_stored_response_for_the_same_question(peer: Peer) -> None:
    first, second = [await peer.ask("ann", QUESTION) for _ in range(2)]

    assert (first.hit, second.hit) == (False, True)
    response = second.read()
    assert (response.question, response.answer) == (QUESTION, f"The answer to: {QUESTION}")
    assert [source.content for source in response.sources] == [SOURCES[0].content]


async def test_peer_stores_and_forgets_questions(peer: Peer) -> None:
    empty = peer.stored_bytes()
    await peer.fill("ann", QUESTION)
    assert peer.stored_bytes() > empty
    await peer.ping()

    await peer.clear()

    assert not (await peer.ask("ann", QUESTION)).hit


async def test_peer_counts_hits_of_pairs_by_their_label(peer: Peer) -> None:
    pairs = [(QUESTION, QUESTION, True), (QUESTION, QUESTION, False), (QUESTION, OTHER, True)]

    counts = await count_hits(peer, pairs)

    assert [(counts[what].value, counts[what].unit.split()[1]) for what in ("right", "wrong")] == [
        (1, "2"),
        (1, "1"),
    ]


async def test_peer_keeps_users_apart(peer: Peer) -> None:
    assert (await ask_as_two_users(peer, QUESTION)).value == 0


async def test_tercet_drops_the_answer_of_a_changed_note(backend: Backend) -> None:
    async with open_peers(backend, "tercet") as peers:
        peer = peers["tercet"]
        await peer.import_notes("ann", {"vacation": "We get 28 days of vacation."})
        hits = [(await peer.ask("ann", QUESTION)).hit for _ in range(2)]
        await peer.change(updated("ann", "vacation", "We get 30 days of vacation."))
        reply = await peer.ask("ann", QUESTION)

    assert hits == [False, True]
    assert not reply.hit
    assert [source.content for source in reply.read().sources] == ["We get 30 days of vacation."]


async def test_failure_states_what_the_question_got(backend: Backend) -> None:
    kinds = installed_peers()

    tercet = await ask_during("killed", kinds["tercet"], backend, QUESTION)
    naive = await ask_during("killed", kinds["naive"], backend, QUESTION)

    assert tercet.unit == "s until an answer"
    assert naive.unit == "s until ConnectionError"


def test_response_with_sources_is_read_as_it_was_stored() -> None:
    source = Source("hebrews#0", "hebrews", "Faith is the substance", 0.7, "Hebrews", "Chapter 11")
    response = Response("what is faith", "the substance of things hoped for", [source])
    assert Response.from_json(response.to_json()) == response


def test_table_has_a_dash_for_a_missing_measurement() -> None:
    kinds = {name: installed_peers()[name] for name in PEERS}
    metrics = with_baselines(
        {
            "tercet_stale": Metric(unit="of 5,000 answers", value=0),
            "naive_stale": Metric(unit="of 5,000 answers", value=1_021),
            "tercet_kept": Metric(value=0.9876),
        }
    )

    table = markdown_table({name: metric.row() for name, metric in metrics.items()}, kinds)

    lines = table.splitlines()
    assert metrics["tercet_stale"].baseline == 1_021
    assert "| stale answers of 5,000 while notes change | 0 | 1,021 |" in lines
    assert "| answers kept that a change does not affect | 98.8% | - |" in lines
