"""Another wording of a question, over HTTP, with MiniLM and a real Valkey."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from functions.ask.app import create_app
from shared import semantic_match
from shared.cache import keyspace
from shared.cache.redis.commands import Command
from shared.cache.stats_snapshot import PeriodStats
from shared.container import Container
from shared.inference.match_verifier import ModelVerifier
from shared.inference.ports import Completion, Message
from shared.matching.candidates import find_candidates
from shared.settings import Settings
from tests.support.main_job import MINILM, QuotingAnswerer, written
from tests.support.stores import MemoryNoteStore

NOTES = {
    "hope": "Hope is the anchor of the soul, sure and steadfast.",
    "faith": "Faith is the substance of things hoped for.",
    "love": "Love suffers long, and is kind.",
}


class Verifying:
    """A chat model that has one word for everything."""

    model = "verifying"

    def __init__(self, word: str) -> None:
        self.word = word
        self.asked = 0

    async def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Completion:
        self.asked += 1
        return Completion(self.word, self.model, cost=0.00002)


class Asker:
    """One user of one server."""

    def __init__(self, http: httpx.AsyncClient, container: Container, user: str) -> None:
        self._http = http
        self.container = container
        self.user = user

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self._http.post(path, json=body, headers={"X-Tercet-User": self.user})

    async def ask(self, query: str, **given: Any) -> dict[str, Any]:
        response = await self.post("/assistant/query", {"query": query, **given})
        response.raise_for_status()
        body: dict[str, Any] = response.json()
        return body


@pytest.fixture
async def asker(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Asker]:
    settings = Settings(
        redis_url=valkey_url, redis_timeout=2, local_mode=True, semantic_verifier="none"
    )
    container = Container(
        settings, store=MemoryNoteStore(), embedder=MINILM, answerer=QuotingAnswerer()
    )
    transport = httpx.ASGITransport(create_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        asker = Asker(http, container, request.node.name)
        for note_id, text in NOTES.items():
            await container.freshness.note_changed(written(asker.user, note_id, text))
        yield asker
    await container.aclose()


async def test_it_finds_the_answer_and_says_what_it_was_matched_to(asker: Asker) -> None:
    first = await asker.ask("What is hope?")
    second = await asker.ask("Define hope")
    assert (second["answer"], second["sources"]) == (first["answer"], first["sources"])
    metadata = second["metadata"]
    assert (metadata["cached"], metadata["match"]) == (True, "semantic")
    assert metadata["matched_question"] == "what is hope"
    assert 0.85 <= metadata["similarity"] <= 1


async def test_from_then_on_it_is_an_exact_hit(asker: Asker) -> None:
    await asker.ask("What is hope?")
    await asker.ask("Define hope")
    again = await asker.ask("define HOPE")
    assert again["metadata"]["match"] == "exact"
    assert again["metadata"]["matched_question"] == "what is hope"


@pytest.mark.parametrize("remembered", [False, True])
async def test_whoever_asks_for_exact_matches_alone_gets_an_answer_of_their_own(
    asker: Asker, *, remembered: bool
) -> None:
    await asker.ask("What is hope?")
    if remembered:
        await asker.ask("Define hope")
    own = await asker.ask("Define hope", match="exact")
    assert own["metadata"]["cached"] is False
    assert own["answer"].startswith("define hope")


async def test_a_different_question_gets_an_answer_of_its_own_and_is_told_why_if_it_asks(
    asker: Asker,
) -> None:
    await asker.ask("What are the sins forbidden in the second commandment?")
    other = await asker.ask("What are the sins forbidden in the sixth commandment?", explain=True)
    assert other["metadata"]["cached"] is False
    assert other["metadata"]["match_refusal"].startswith("numbers")


async def test_a_match_said_to_be_wrong_is_undone_and_its_target_stays(asker: Asker) -> None:
    await asker.ask("What is hope?")
    shared = await asker.ask("Define hope")
    body = {"answer_id": shared["metadata"]["answer_id"], "verdict": "wrong"}
    assert (await asker.post("/assistant/feedback", body)).status_code == 204
    assert (await asker.ask("Define hope"))["metadata"]["cached"] is False
    assert (await asker.ask("What is hope?"))["metadata"]["cached"] is True


async def test_an_answer_said_to_be_wrong_is_gone_at_once(asker: Asker) -> None:
    first = await asker.ask("What is hope?")
    body = {"answer_id": first["metadata"]["answer_id"], "verdict": "wrong"}
    assert (await asker.post("/assistant/feedback", body)).status_code == 204
    assert (await asker.ask("What is hope?"))["metadata"]["cached"] is False
    repeated = await asker.post("/assistant/feedback", body)
    assert repeated.status_code == 404
    assert repeated.headers["content-type"] == "application/problem+json"


async def test_it_falls_when_a_note_changes_that_its_own_search_would_find(asker: Asker) -> None:
    await asker.ask("What is hope?")
    await asker.ask("Define hope")
    change = written(asker.user, "hope", "Hope does not put to shame.")
    await asker.container.freshness.note_changed(change)
    fresh = await asker.ask("Define hope")
    assert fresh["metadata"]["cached"] is False
    assert "put to shame" in fresh["answer"]


@pytest.mark.parametrize(("word", "shares"), [("yes", True), ("no", False), ("perhaps", False)])
async def test_the_verifier_has_the_last_word(asker: Asker, word: str, *, shares: bool) -> None:
    verifier = Verifying(word)
    asker.container.semantic_matcher._verifier = ModelVerifier(verifier)
    await asker.ask("What is hope?")
    assert verifier.asked == 0
    assert (await asker.ask("Define hope"))["metadata"]["cached"] is shares
    assert verifier.asked == 1


async def counted(asker: Asker) -> PeriodStats:
    """What is counted by now; what waits in the container goes first."""
    container = asker.container
    assert container.redis_client
    await container.pending_counters.flush(container.redis_client)
    return (await container.counter_reader.read_snapshot()).total


@pytest.mark.parametrize("word", ["yes", "no"])
async def test_what_the_verifier_costs_is_spent_whatever_it_says(asker: Asker, word: str) -> None:
    asker.container.semantic_matcher._verifier = ModelVerifier(Verifying(word))
    await asker.ask("What is hope?")
    before = await counted(asker)
    await asker.ask("Define hope")
    after = await counted(asker)
    written = after.answers_generated - before.answers_generated
    spent = after["spent_nanodollars"] - before["spent_nanodollars"]
    assert spent == 20_000 + 260_000 * written
    assert written == int(word == "no")
    assert after["outcome_semantic"] - before["outcome_semantic"] == int(word == "yes")
    assert after["rejected_by_verifier"] - before["rejected_by_verifier"] == int(word == "no")


async def test_what_the_guard_refuses_is_counted_once_for_each_question(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another candidate gets further."""
    before = await counted(asker)
    for number in ("second", "sixth"):
        await asker.ask(f"What are the sins forbidden in the {number} commandment?")
    for question in ("What is hope?", "What is not hope?"):
        await asker.ask(question, match="exact")
    after = await counted(asker)
    assert after["rejected_by_rules"] - before["rejected_by_rules"] == 1
    # As if the wrong one of the two were the nearer.
    (wrong,) = await MINILM.embed(["what is not hope"])
    monkeypatch.setattr(
        semantic_match, "find_candidates", lambda _, rows, __: find_candidates(wrong, rows, 0.5)
    )
    assert (await asker.ask("Define hope"))["metadata"]["match"] == "semantic"
    last = await counted(asker)
    assert last["rejected_by_rules"] - after["rejected_by_rules"] == 1
    assert last["outcome_semantic"] - after["outcome_semantic"] == 1


async def test_sources_that_do_not_fit_are_counted(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic_match, "has_common_sources", lambda *_: False)
    await asker.ask("What is hope?")
    before = await counted(asker)
    assert (await asker.ask("Define hope"))["metadata"]["cached"] is False
    after = await counted(asker)
    assert after["rejected_by_sources"] - before["rejected_by_sources"] == 1
    assert after["rejected_by_rules"] == before["rejected_by_rules"]


async def test_an_answer_that_is_gone_meanwhile_is_refused_by_nobody(asker: Asker) -> None:
    await asker.ask("What is hope?")
    before = await counted(asker)
    keys = keyspace.UserKeys.of(asker.user)
    assert asker.container.redis_client
    await asker.container.redis_client.execute(Command.of("DEL", keys.answers))
    assert (await asker.ask("Define hope"))["metadata"]["cached"] is False
    after = await counted(asker)
    assert not [
        by
        for by in ("rules", "sources", "verifier")
        if after[f"rejected_by_{by}"] > before[f"rejected_by_{by}"]
    ]
