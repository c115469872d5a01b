"""Semantic hits over HTTP, with MiniLM and a Valkey server."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from functions.ask.app import create_app
from shared import semantic_match
from shared.cache import keyspace
from shared.cache.redis.commands import Command
from shared.cache.stats_snapshot import PeriodStats
from shared.container import Container
from shared.inference.match_verifier import MatchVerifier
from shared.inference.ports import ChatMessage, Completion
from shared.settings import Settings
from shared.vectors import cosines
from tests.support.fixed_pair_model import FixedPairModel
from tests.support.full_stack import MINILM, QuotingAnswerer, ask, updated
from tests.support.memory_note_store import MemoryNoteStore

NOTES = {
    "hope": "Hope is the anchor of the soul, sure and steadfast.",
    "faith": "Faith is the substance of things hoped for.",
    "love": "Love suffers long, and is kind.",
}


class ConstantChat:
    """A language model that returns one word for every prompt."""

    model = "constant"

    def __init__(self, word: str) -> None:
        self.word = word
        self.calls = 0

    async def complete(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, **_: object
    ) -> Completion:
        self.calls += 1
        return Completion(self.word, self.model, cost=0.00002)


class User:
    """One user of one server."""

    def __init__(self, http: httpx.AsyncClient, container: Container, user_id: str) -> None:
        self._http = http
        self.container = container
        self.user_id = user_id

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self._http.post(path, json=body, headers={"X-Tercet-User": self.user_id})

    async def ask(self, query: str, **given: Any) -> dict[str, Any]:
        response = await self.post("/assistant/query", {"query": query, **given})
        response.raise_for_status()
        body: dict[str, Any] = response.json()
        return body


@pytest.fixture
async def user(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[User]:
    settings = Settings(
        redis_url=valkey_url,
        redis_timeout=2,
        local_mode=True,
        semantic_matcher="model",
        semantic_verifier="none",
    )
    container = Container(
        settings, store=MemoryNoteStore(), embedder=MINILM, answerer=QuotingAnswerer()
    )
    transport = httpx.ASGITransport(create_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        user = User(http, container, request.node.name)
        for note_id, text in NOTES.items():
            await container.freshness.note_changed(updated(user.user_id, note_id, text))
        yield user
    await container.aclose()


async def test_equivalent_question_gets_the_cached_answer_and_its_question(user: User) -> None:
    first = await user.ask("What is hope?")
    second = await user.ask("Define hope")
    assert (second["answer"], second["sources"]) == (first["answer"], first["sources"])
    metadata = second["metadata"]
    assert (metadata["cached"], metadata["match"]) == (True, "semantic")
    assert metadata["matched_question"] == "What is hope?"
    assert 0.85 <= metadata["similarity"] <= 1


async def test_alias_is_an_exact_hit(user: User) -> None:
    await user.ask("What is hope?")
    await user.ask("Define hope")
    again = await user.ask("define HOPE")
    assert again["metadata"]["match"] == "exact"
    assert again["metadata"]["matched_question"] == "What is hope?"


@pytest.mark.parametrize("alias_stored", [False, True])
async def test_exact_request_gets_its_own_answer(user: User, *, alias_stored: bool) -> None:
    await user.ask("What is hope?")
    if alias_stored:
        await user.ask("Define hope")
    own = await user.ask("Define hope", match="exact")
    assert own["metadata"]["cached"] is False
    assert own["answer"].startswith("Define hope")


async def test_exact_hit_returns_the_answer_to_the_first_wording(user: User) -> None:
    first = await user.ask("What is  HOPE ?")
    assert first["answer"].startswith("What is  HOPE ?: ")
    again = await user.ask("what is hope")
    assert (again["answer"], again["metadata"]["match"]) == (first["answer"], "exact")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is hope (2 + 3) * 4?", "Is hope 2 + (3 * 4)?"),
        ("Does hope need 5 mg?", "Does hope need .5 mg?"),
        ("Is there hope for IT?", "Is there hope for it?"),
        ("Is there hope for Turkey?", "Is there hope for turkey?"),
        ("Is there hope in Python 3.10?", "Is there hope in Python 3.1?"),
    ],
)
async def test_question_of_another_notation_gets_its_own_answer(
    user: User, one: str, other: str
) -> None:
    await user.ask(one)
    assert (await user.ask(other))["metadata"]["cached"] is False


async def test_question_that_is_embedded_in_part_never_matches(user: User) -> None:
    preface = "Please tell me about hope. " * 40
    for question in (f"{preface}What is hope?", f"{preface}Define hope"):
        metadata = (await user.ask(question))["metadata"]
        assert (metadata["cached"], metadata["truncated"]) == (False, True)
    again = await user.ask(f"{preface}what is  hope")
    assert again["metadata"]["match"] == "exact"


async def test_embedded_part_is_as_long_as_the_setting_allows(valkey_url: str) -> None:
    """A question that one limit cuts is whole with another one, and then it can match."""
    question = "Please tell me about hope. " * 8
    for max_tokens, truncated in ((64, True), (512, False)):
        settings = Settings(redis_url=valkey_url, redis_timeout=2, embedding_max_tokens=max_tokens)
        parts: Any = {"embedder": MINILM, "answerer": QuotingAnswerer()}
        container = Container(settings, store=MemoryNoteStore(), **parts)
        try:
            reply = await ask(container, "limits", question)
        finally:
            await container.aclose()
        assert reply.question.truncated == truncated


async def test_different_question_gets_its_own_answer_and_the_rejection(
    user: User,
) -> None:
    await user.ask("What are the sins forbidden in the second commandment?")
    other = await user.ask("What are the sins forbidden in the sixth commandment?", explain=True)
    assert other["metadata"]["cached"] is False
    assert other["metadata"]["match_rejection"].startswith("numbers")
    assert 0.8 < other["metadata"]["rejected_similarity"] < 1
    assert other["metadata"]["rejected_probability"] is None, "a veto decided"


async def test_feedback_on_a_semantic_hit_removes_the_match_only(user: User) -> None:
    await user.ask("What is hope?")
    shared = await user.ask("Define hope")
    body = {"answer_id": shared["metadata"]["answer_id"], "verdict": "wrong"}
    assert (await user.post("/assistant/feedback", body)).status_code == 204
    assert (await user.ask("Define hope"))["metadata"]["cached"] is False
    assert (await user.ask("What is hope?"))["metadata"]["cached"] is True


async def test_feedback_on_an_answer_removes_it(user: User) -> None:
    first = await user.ask("What is hope?")
    body = {"answer_id": first["metadata"]["answer_id"], "verdict": "wrong"}
    assert (await user.post("/assistant/feedback", body)).status_code == 204
    assert (await user.ask("What is hope?"))["metadata"]["cached"] is False
    repeated = await user.post("/assistant/feedback", body)
    assert repeated.status_code == 404
    assert repeated.headers["content-type"] == "application/problem+json"


async def test_alias_is_dropped_when_a_note_of_its_own_search_changes(user: User) -> None:
    await user.ask("What is hope?")
    await user.ask("Define hope")
    change = updated(user.user_id, "hope", "Hope does not put to shame.")
    await user.container.freshness.note_changed(change)
    fresh = await user.ask("Define hope")
    assert fresh["metadata"]["cached"] is False
    assert "put to shame" in fresh["answer"]


@pytest.mark.parametrize(("word", "shares"), [("yes", True), ("no", False), ("perhaps", False)])
@pytest.mark.parametrize("probability", [0.8, 0.87])  # below and above the threshold
async def test_verifier_decides_near_the_threshold(
    user: User, word: str, probability: float, *, shares: bool
) -> None:
    verifier = ConstantChat(word)
    user.container.semantic_matcher._verifier = MatchVerifier(verifier)
    user.container.semantic_matcher._load_model = lambda: FixedPairModel(probability)
    await user.ask("What is hope?")
    assert verifier.calls == 0
    assert (await user.ask("Define hope"))["metadata"]["cached"] is shares
    assert verifier.calls == 1


@pytest.mark.parametrize(("probability", "shares"), [(0.2, False), (0.95, True)])
async def test_verifier_is_not_asked_far_from_the_threshold(
    user: User, probability: float, *, shares: bool
) -> None:
    verifier = ConstantChat("no")
    user.container.semantic_matcher._verifier = MatchVerifier(verifier)
    user.container.semantic_matcher._load_model = lambda: FixedPairModel(probability)
    await user.ask("What is hope?")
    assert (await user.ask("Define hope"))["metadata"]["cached"] is shares
    assert verifier.calls == 0


async def read_counters(user: User) -> PeriodStats:
    """Read all counters, with those that wait in the container."""
    container = user.container
    assert container.redis_client
    await container.pending_counters.flush(container.redis_client)
    return (await container.counter_reader.read_snapshot()).total


@pytest.mark.parametrize("word", ["yes", "no"])
async def test_verifier_costs_are_counted_for_each_verdict(user: User, word: str) -> None:
    user.container.semantic_matcher._verifier = MatchVerifier(ConstantChat(word))
    user.container.semantic_matcher._load_model = lambda: FixedPairModel(0.87)
    await user.ask("What is hope?")
    before = await read_counters(user)
    await user.ask("Define hope")
    after = await read_counters(user)
    generated = after.answers_generated - before.answers_generated
    spent = after["spent_nanodollars"] - before["spent_nanodollars"]
    assert spent == 20_000 + 260_000 * generated
    assert generated == int(word == "no")
    assert after["outcome_semantic"] - before["outcome_semantic"] == int(word == "yes")
    assert after["rejected_by_verifier"] - before["rejected_by_verifier"] == int(word == "no")


async def test_rejections_by_rules_are_counted_once_per_request(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if a later candidate matches."""
    before = await read_counters(user)
    for number in ("second", "sixth"):
        await user.ask(f"What are the sins forbidden in the {number} commandment?")
    for question in ("What is hope?", "What is not hope?"):
        await user.ask(question, match="exact")
    after = await read_counters(user)
    assert after["rejected_by_rules"] - before["rejected_by_rules"] == 1
    # The candidate that the rules reject comes first.
    (rejected,) = await MINILM.embed(["what is not hope"])
    monkeypatch.setattr(semantic_match, "cosines", lambda _, rows: cosines(rejected, rows))
    settings = replace(user.container.settings, candidate_cosine=0.5)
    user.container.semantic_matcher._settings = settings
    assert (await user.ask("Define hope"))["metadata"]["match"] == "semantic"
    last = await read_counters(user)
    assert last["rejected_by_rules"] - after["rejected_by_rules"] == 1
    assert last["outcome_semantic"] - after["outcome_semantic"] == 1


async def test_rejections_by_the_pair_model_are_counted(user: User) -> None:
    user.container.semantic_matcher._load_model = lambda: FixedPairModel(0.2)
    await user.ask("What is hope?")
    before = await read_counters(user)
    reply = await user.ask("Define hope", explain=True)
    assert reply["metadata"]["cached"] is False
    assert reply["metadata"]["match_rejection"] == "pair model: probability 0.20"
    assert reply["metadata"]["rejected_probability"] == 0.2
    after = await read_counters(user)
    assert after["rejected_by_model"] - before["rejected_by_model"] == 1
    assert after["rejected_by_rules"] == before["rejected_by_rules"]


@pytest.mark.parametrize(
    ("matcher", "match"), [("model", "semantic"), ("rules", "semantic"), ("off", None)]
)
async def test_setting_selects_the_matcher(
    valkey_url: str, matcher: str, match: str | None
) -> None:
    settings = Settings(redis_url=valkey_url, redis_timeout=2, semantic_matcher=matcher)
    parts: Any = {"embedder": MINILM, "answerer": QuotingAnswerer()}
    container = Container(settings, store=MemoryNoteStore(), **parts)
    try:
        await container.freshness.note_changed(updated(matcher, "hope", NOTES["hope"]))
        await ask(container, matcher, "What is hope?")
        reply = await ask(container, matcher, "Define hope")
    finally:
        await container.aclose()
    assert reply.match == match
    assert (reply.probability is not None) == (matcher == "model")


HOPE_COSINE = 0.842  # of "What is hope?" and "How would you describe hope?"


def set_least_cosine(user: User, cosine: float) -> None:
    """Set the least cosine of a match that is not distant."""
    settings = replace(user.container.settings, candidate_cosine=cosine)
    user.container.semantic_matcher._settings = settings


@pytest.mark.parametrize(
    ("probability", "distance", "match"),
    [(0.93, 0.05, "semantic"), (0.91, 0.05, None), (0.93, 0.11, None), (0.91, -0.05, "semantic")],
)
async def test_distant_question_matches_if_the_model_is_almost_certain(
    user: User, probability: float, distance: float, match: str | None
) -> None:
    set_least_cosine(user, HOPE_COSINE + distance)
    user.container.semantic_matcher._load_model = lambda: FixedPairModel(probability)
    await user.ask("What is hope?")
    reply = await user.ask("How would you describe hope?")
    assert reply["metadata"]["match"] == match


@pytest.mark.parametrize("by_model", [True, False])
async def test_distant_question_of_the_same_words_matches_by_the_model_only(
    user: User, *, by_model: bool
) -> None:
    set_least_cosine(user, 0.96)
    model = FixedPairModel(0.9)
    user.container.semantic_matcher._load_model = (lambda: model) if by_model else None
    await user.ask("What is hope?")
    reply = await user.ask("Define hope", explain=True)
    assert reply["metadata"]["match"] == ("semantic" if by_model else None)
    assert reply["metadata"]["match_rejection"] is None


async def test_verifier_is_not_asked_about_a_distant_question(user: User) -> None:
    set_least_cosine(user, HOPE_COSINE + 0.05)
    user.container.semantic_matcher._verifier = MatchVerifier(ConstantChat("yes"))
    user.container.semantic_matcher._load_model = lambda: FixedPairModel(0.87)
    await user.ask("What is hope?")
    before = await read_counters(user)
    reply = await user.ask("How would you describe hope?")
    assert reply["metadata"]["match"] is None
    after = await read_counters(user)
    assert after["spent_nanodollars"] - before["spent_nanodollars"] == 260_000  # the answer alone


async def test_of_distant_questions_only_the_nearest_is_a_candidate(user: User) -> None:
    """Each costs a run of the pair model, and few others match."""
    set_least_cosine(user, HOPE_COSINE + 0.05)
    model = FixedPairModel(0.5)
    user.container.semantic_matcher._load_model = lambda: model
    for question in ("What is hope?", "What does hope mean?"):
        await user.ask(question, match="exact")
    await user.ask("How would you describe hope?")
    assert model.asked == [("How would you describe hope?", "What is hope?")]


async def test_slip_matches_at_any_cosine(user: User) -> None:
    await user.ask("Where did I write the wifi password?")
    noisy = await user.ask("um hello, where did I write the wifi pasword please")
    assert noisy["metadata"]["match"] == "semantic"
    assert noisy["metadata"]["similarity"] < 0.8
    assert noisy["metadata"]["probability"] > 0.9


async def test_miss_without_candidate_loads_no_model(user: User) -> None:
    def load_model() -> FixedPairModel:
        raise AssertionError("the model was loaded")

    user.container.semantic_matcher._load_model = load_model
    await user.ask("What is hope?")
    other = await user.ask("How long does love suffer?")
    assert other["metadata"]["cached"] is False


async def test_evicted_candidate_counts_as_no_rejection(user: User) -> None:
    await user.ask("What is hope?")
    before = await read_counters(user)
    keys = keyspace.UserKeys.of(user.user_id)
    assert user.container.redis_client
    await user.container.redis_client.execute(Command.of("DEL", keys.answers))
    assert (await user.ask("Define hope"))["metadata"]["cached"] is False
    after = await read_counters(user)
    assert not [
        by
        for by in ("rules", "model", "verifier")
        if after[f"rejected_by_{by}"] > before[f"rejected_by_{by}"]
    ]
