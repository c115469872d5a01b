"""Cache warming after note changes, with a real Valkey."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.background_requests import BackgroundRequests
from shared.cache.index_entries import Entry, encode, new_pending
from shared.cache.invalidation import Invalidation
from shared.cache.keyspace import UserKeys
from shared.cache.pending_questions import PendingQuestions
from shared.cache.raised_threshold import ALLOWED
from shared.cache.redis.commands import Command
from shared.cache.stats_snapshot import PeriodStats
from shared.container import Container
from shared.deadline import deadline_scope
from shared.errors import InferenceUnavailableError, StoreUnavailableError
from shared.inference.ports import Completion
from shared.inference.shared_circuit_state import HALF_OPEN_SECONDS, breaker_keys
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Source
from shared.question import Request
from shared.warming import WarmingOutcome
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.utc_day import stay_within_a_day
from tests.support.waiting import until


class Model:
    """Answers for a price with the texts of the sources, or raises `error` if it is set.

    It waits while `released` is clear.
    """

    model = "priced"

    def __init__(self) -> None:
        self.begun = 0
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.released = asyncio.Event()
        self.released.set()

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        self.begun += 1
        await self.released.wait()
        if self.error:
            raise self.error
        self.asked.append(question)
        text = " ".join(source.content for source in sources)
        return Completion(f"{question} {text}", self.model, cost=0.01)


@pytest.fixture
def model() -> Model:
    stay_within_a_day(60)
    return Model()


class Messages:
    """Collects the messages of note changes, instead of a queue."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send(self, user_id: str, fence: str) -> None:
        self.sent.append((user_id, fence))

    async def aclose(self) -> None:
        pass


@asynccontextmanager
async def opened(
    url: str, model: Model, messages: Messages | None = None, **settings: Any
) -> AsyncIterator[Container]:
    """Open a container that warms in process, or with `messages` only collects them."""
    given = {"warming": "all", "warm_queue_url": "in-process"} | settings
    container = create_container(url, answerer=model, redis_timeout=2, **given)
    container.override(warming_tasks=messages)
    await container.background_redis_client.execute(Command.of("FLUSHDB"))
    for user in ("ann", "ben"):
        await container.freshness.note_changed(updated(user, "n", f"{user} eats bread."))
    yield container
    await container.aclose()


@asynccontextmanager
async def opened_with_pending(url: str, model: Model) -> AsyncIterator[tuple[Container, Messages]]:
    """Open a container where Ann's note has changed since she asked what she eats."""
    messages = Messages()
    async with opened(url, model, messages) as container:
        await ask(container, "ann", "What does Ann eat?")
        await change(container, "Ann eats rice.")
        yield container, messages


async def change(container: Container, text: str, user: str = "ann") -> None:
    await container.freshness.note_changed(updated(user, "n", text))


async def delete_user(container: Container) -> None:
    await container.freshness.note_changed(
        NoteChanged(user_id="ann", operation=Operation.USER_DELETED, occurred_at=datetime.now(UTC))
    )


async def redis(container: Container, *command: str) -> Any:
    (reply,) = await container.background_redis_client.execute(Command.of(*command))
    return reply


async def keys_of_ann(container: Container) -> list[bytes]:
    pattern = UserKeys.of("ann").questions.removesuffix("questions") + "*"
    found: list[bytes] = await redis(container, "KEYS", pattern)
    return found


async def pending_entries(container: Container) -> dict[str, Entry]:
    """Return the fields and entries of Ann's pending questions."""
    fence = await redis(container, "HGET", UserKeys.of("ann").questions, "fence")
    pending = PendingQuestions(container.background_redis_client)
    return dict(await pending.read("ann", (fence or b"").decode()))


async def pending(container: Container) -> list[str]:
    """Return Ann's pending questions."""
    return [entry.question for entry in (await pending_entries(container)).values()]


async def counts(container: Container) -> PeriodStats:
    """Return the counters after all that is pending was written."""
    await container.pending_counters.flush(container.background_redis_client)
    return (await container.counter_reader.read_snapshot()).total


async def test_dropped_answer_is_generated_again_before_it_is_asked_for(
    valkey_url: str, model: Model
) -> None:
    async with opened(valkey_url, model) as container:
        await ask(container, "ann", "What does Ann eat?")
        await change(container, "Ann eats rice.")
        await container.warming_tasks.wait()
        assert len(model.asked) == 2
        reply = await ask(container, "ann", "What does Ann eat?")
        assert (reply.tier, reply.text) == ("l1", "What does Ann eat? Ann eats rice.")
        assert len(model.asked) == 2
        assert await pending(container) == []


async def test_message_holds_no_text_and_only_its_user_is_warmed(
    valkey_url: str, model: Model
) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages) as container:
        for user in ("ann", "ben"):
            await ask(container, user, "What is eaten?")
        await change(container, "Ann eats rice.")
        fence = await redis(container, "HGET", UserKeys.of("ann").questions, "fence")
        assert messages.sent == [("ann", fence.decode())]
        await container.warmer.warm_pending(*messages.sent[0])
        assert model.asked == ["What is eaten?"] * 3


async def test_rotated_fence_discards_a_message_and_the_next_one_covers_its_questions(
    valkey_url: str, model: Model
) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        await change(container, "Ann eats soup.")
        first, second = messages.sent
        assert await container.warmer.warm_pending(*first) == {}
        assert len(model.asked) == 1
        assert await container.warmer.warm_pending(*second) == {WarmingOutcome.ANSWERED: 1}
        assert await container.warmer.warm_pending(*second) == {}
        assert (await ask(container, "ann", "What does Ann eat?")).text.endswith("soup.")


async def test_expired_pending_question_is_not_requested_again(
    valkey_url: str, model: Model
) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        await change(container, "Ann eats soup.")
        assert len(messages.sent) == 2
        ((field, entry),) = (await pending_entries(container)).items()
        expired = Command.of(
            "HSET", UserKeys.of("ann").questions, field, encode(entry._replace(expires=1))
        )
        await container.background_redis_client.execute(expired)
        await change(container, "Ann eats cheese.")
        assert len(messages.sent) == 2


async def test_answer_is_not_stored_if_a_note_changes_while_it_is_warmed(
    valkey_url: str, model: Model
) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        model.released.clear()
        warming = asyncio.create_task(container.warmer.warm_pending(*messages.sent[0]))
        await until(lambda: model.begun == 2)
        await change(container, "Ann eats soup.")
        model.released.set()
        assert await warming == {WarmingOutcome.OUTDATED: 1}
        reply = await ask(container, "ann", "What does Ann eat?")
        assert reply.tier != "l1"
        assert reply.text.endswith("soup.")


@pytest.mark.parametrize("generations", [1, 2], ids=["as the message arrives", "in generation"])
async def test_nothing_of_a_deleted_user_is_stored(
    valkey_url: str, model: Model, generations: int
) -> None:
    """Whenever the user is deleted, and if the message is received again later."""
    async with opened_with_pending(valkey_url, model) as (container, messages):
        model.released.clear()
        task = asyncio.create_task(container.warmer.warm_pending(*messages.sent[0]))
        await until(lambda: model.begun == generations)
        await delete_user(container)
        model.released.set()
        await task
        assert await container.warmer.warm_pending(*messages.sent[0]) == {}
        assert await keys_of_ann(container) == []


async def test_change_that_was_read_before_a_deletion_makes_nothing_pending(
    valkey_url: str, model: Model
) -> None:
    """Though the user has asked again meanwhile, so that there is a fence."""
    async with opened(valkey_url, model, Messages()) as container:
        await ask(container, "ann", "What does Ann eat?")
        invalidation = Invalidation(container.background_redis_client)
        index = await invalidation.rotate_fence("ann")
        await delete_user(container)
        await ask(container, "ann", "What does Ann drink?")
        entries = {field: new_pending(entry) for field, entry in index.items() if entry}
        assert entries
        await invalidation.drop_entries("ann", index, pending=entries)
        assert await pending(container) == []


@pytest.mark.parametrize("remaining", [10.0, 0.0], ids=["open", "half-open"])
async def test_no_model_is_called_unless_both_circuit_breakers_are_closed(
    valkey_url: str, model: Model, remaining: float
) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        for breaker in container.circuit_breakers:
            state = breaker_keys(breaker.id).state  # as another container writes it
            milliseconds = int(1_000 * (remaining + HALF_OPEN_SECONDS))
            await redis(container, "SET", state, "1", "PX", str(milliseconds))
            outcomes = await container.warmer.warm_pending(*messages.sent[0])
            assert outcomes == {WarmingOutcome.CIRCUIT_NOT_CLOSED: 1}
            assert breaker.state == ("open" if remaining else "half-open")
            await redis(container, "DEL", state)
            breaker.update(0, sent_at=breaker.clock())
            breaker.update(None, sent_at=breaker.clock())
        assert len(model.asked) == 1
        assert await container.warmer.warm_pending(*messages.sent[0]) == {
            WarmingOutcome.ANSWERED: 1
        }


async def test_breaker_that_opens_while_notes_are_searched_prevents_the_generation(
    valkey_url: str, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        search, breaker = container.store.search, container.circuit_breakers.chat

        async def search_while_it_opens(*args: Any) -> list[Source]:
            breaker.update(0, sent_at=breaker.clock())
            return await search(*args)

        monkeypatch.setattr(container.store, "search", search_while_it_opens)
        outcomes = await container.warmer.warm_pending(*messages.sent[0])
        assert outcomes == {WarmingOutcome.CIRCUIT_NOT_CLOSED: 1}
        assert len(model.asked) == 1


async def test_budget_of_warming_ends_it_for_the_day_and_no_question_of_the_user(
    valkey_url: str, model: Model
) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages, warm_daily_budget=2) as container:
        queries = [f"What does Ann eat, {n}?" for n in range(4)]
        for query in queries:
            await ask(container, "ann", query, exact=True)
        await change(container, "Ann eats rice.")
        assert await container.warmer.warm_pending(*messages.sent[0]) == {
            WarmingOutcome.ANSWERED: 2,
            WarmingOutcome.BUDGET_USED: 2,
        }
        assert len(model.asked) == 6
        replies = [await ask(container, "ann", query, exact=True) for query in queries]
        assert Counter(reply.tier == "l1" for reply in replies) == {True: 2, False: 2}


@pytest.mark.parametrize(
    "limit",
    [{"user_daily_generations": 6}, {"user_daily_cost": 0.06}, {"user_daily_generations": 1}],
    ids=str,
)
async def test_warming_leaves_half_of_a_user_s_budget_to_their_questions(
    valkey_url: str, model: Model, limit: dict[str, Any]
) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages, **limit) as container:
        await ask(container, "ann", "What does Ann eat?")
        for text in ("Ann eats rice.", "Ann eats soup.", "Ann eats fish.", "Ann eats peas."):
            await change(container, text)
            await container.warmer.warm_pending(*messages.sent[-1])
        assert len(model.asked) == (1 if limit == {"user_daily_generations": 1} else 3)


async def test_failed_warming_fails_no_request_that_waits_for_it(
    valkey_url: str, model: Model
) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        model.error = InferenceUnavailableError("overloaded")
        model.released.clear()
        warming = asyncio.create_task(container.warmer.warm_pending(*messages.sent[0]))
        await until(lambda: model.begun == 2)
        request = asyncio.create_task(ask(container, "ann", "What does Ann eat?"))
        await asyncio.sleep(0.1)  # it waits for the answer
        model.released.set()
        assert await warming == {WarmingOutcome.FAILED: 1}
        model.error = None
        assert (await request).text.endswith("rice.")


async def test_request_gets_the_answer_that_is_being_warmed(valkey_url: str, model: Model) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        model.released.clear()
        warming = asyncio.create_task(container.warmer.warm_pending(*messages.sent[0]))
        await until(lambda: model.begun == 2)
        request = asyncio.create_task(ask(container, "ann", "What does Ann eat?"))
        await asyncio.sleep(0.3)  # it waits for the answer
        model.released.set()
        reply = await request
        assert (reply.outcome, len(model.asked)) == ("coalesced", 2)
        assert await warming == {WarmingOutcome.ANSWERED: 1}


async def test_question_in_progress_is_not_warmed(valkey_url: str, model: Model) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        model.released.clear()
        request = asyncio.create_task(ask(container, "ann", "What does Ann eat?"))
        await until(lambda: model.begun == 2)
        assert await container.warmer.warm_pending(*messages.sent[0]) == {
            WarmingOutcome.IN_PROGRESS: 1
        }
        model.released.set()
        assert (await request).answer
        assert len(model.asked) == 2


async def test_warming_counts_its_cost_and_no_request(valkey_url: str, model: Model) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages) as container:
        await ask(container, "ann", "What does Ann eat?")
        before = await counts(container)
        await change(container, "Ann eats rice.")
        await container.warmer.warm_pending(*messages.sent[0])
        after = await counts(container)
        names = {name for name in after.counts if after[name] != before[name]}
        assert names == {
            *("l1_drops", "l3_drops", "note_changes", "answers_dropped"),
            *("note_change_lags", "note_change_lag_ms"),
            *("l1_stores", "l3_stores", "spent_nanodollars"),
            *("warmed_answers", "warming_nanodollars"),
        } - {name for name in ("note_change_lag_ms",) if after[name] == before[name]}
        assert after["warming_nanodollars"] == 10_000_000


async def test_tags_are_part_of_a_warmed_question(valkey_url: str, model: Model) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages) as container:
        note = updated("ann", "n", "Ann eats bread.", tags=["food"])
        await container.freshness.note_changed(note)
        await ask(container, "ann", "What does Ann eat?", tags=["food"])
        await container.freshness.note_changed(updated("ann", "n", "Ann eats rice.", tags=["food"]))
        await container.warmer.warm_pending(*messages.sent[-1])
        reply = await ask(container, "ann", "What does Ann eat?", tags=["food"])
        assert (reply.tier, reply.text) == ("l1", "What does Ann eat? Ann eats rice.")
        assert (await ask(container, "ann", "What does Ann eat?")).tier != "l1"


async def test_question_that_another_answer_serves_is_not_generated(
    valkey_url: str, model: Model
) -> None:
    messages = Messages()
    settings = {"semantic_matcher": "rules", "candidate_cosine": 0.0}
    async with opened(valkey_url, model, messages, **settings) as container:
        for query in ("What does Ann eat?", "Hello, what does Ann eat?"):
            await ask(container, "ann", query, exact=True)
        before = await counts(container)
        await change(container, "Ann eats rice.")
        assert await container.warmer.warm_pending(*messages.sent[0]) == {
            WarmingOutcome.ANSWERED: 1,
            WarmingOutcome.CACHED: 1,
        }
        assert len(model.asked) == 3
        assert await pending(container) == []
        after = await counts(container)
        assert after["outcome_semantic"] == before["outcome_semantic"]
        for query in ("What does Ann eat?", "Hello, what does Ann eat?"):
            assert (await ask(container, "ann", query)).tier == "l1"


async def test_most_asked_answers_are_warmed_and_no_more_than_the_setting(
    valkey_url: str, model: Model
) -> None:
    messages = Messages()
    settings = {"warming": "popular", "warm_min_hits": 2, "warm_max_per_change": 2}
    async with opened(valkey_url, model, messages, **settings) as container:
        for hits, word in enumerate(("zero", "one", "two", "three", "four")):
            for _ in range(1 + hits):
                await ask(container, "ann", f"What does Ann eat, {word}?", exact=True)
        await change(container, "Ann eats rice.")
        await container.warmer.warm_pending(*messages.sent[0])
        assert model.asked[5:] == ["What does Ann eat, four?", "What does Ann eat, three?"]


async def test_popular_answer_is_warmed_until_it_was_warmed_for_nothing_too_often(
    valkey_url: str, model: Model
) -> None:
    """Each unused answer takes one hit, and a used one takes none."""
    messages = Messages()
    async with opened(valkey_url, model, messages, warming="popular") as container:
        for _ in range(2):
            await ask(container, "ann", "What does Ann eat?")
        warmed = []
        for number in range(5):
            await change(container, f"Ann eats rice, {number}.")
            await container.warmer.warm_pending(*messages.sent[-1])
            warmed.append(len(model.asked) - 1)
            if number == 0:
                await ask(container, "ann", "What does Ann eat?")
        assert warmed == [1, 2, 3, 4, 4]
        assert (await counts(container))["warmed_used"] == 1


async def test_warmed_answer_is_used_once_though_it_begins_with_hits(
    valkey_url: str, model: Model
) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages) as container:
        for _ in range(3):
            await ask(container, "ann", "What does Ann eat?")
        await change(container, "Ann eats rice.")
        await container.warmer.warm_pending(*messages.sent[0])
        assert (await counts(container))["warmed_used"] == 0
        for _ in range(3):
            reply = await ask(container, "ann", "What does Ann eat?")
            assert reply.tier == "l1"
        assert (await counts(container))["warmed_used"] == 1
        assert reply.expires is not None
        assert reply.expires - time.time() > 4 * container.settings.answer_ttl


@pytest.mark.parametrize("settings", [{"warming": "off"}, {"warm_queue_url": ""}], ids=str)
async def test_nothing_is_pending_where_warming_is_off(
    valkey_url: str, model: Model, settings: dict[str, Any]
) -> None:
    messages = Messages()
    async with opened(valkey_url, model, messages, **settings) as container:
        await ask(container, "ann", "What does Ann eat?")
        await change(container, "Ann eats rice.")
        assert messages.sent == []
        assert await pending(container) == []


async def test_given_questions_are_answered_ahead_within_the_budget(
    valkey_url: str, model: Model
) -> None:
    async with opened(valkey_url, model, warm_daily_budget=1) as container:
        requests = [Request("ann", query, exact=True) for query in ("Eats?", "eats", "Drinks?")]
        assert await container.warmer.warm_given([*requests, Request("ann", "Sleeps?")]) == {
            WarmingOutcome.ANSWERED: 1,
            WarmingOutcome.CACHED: 1,
            WarmingOutcome.BUDGET_USED: 2,
        }
        assert (await ask(container, "ann", "Eats?")).tier == "l1"


async def test_invalid_question_does_not_end_the_warming_of_others(
    valkey_url: str, model: Model
) -> None:
    async with opened(valkey_url, model) as container:
        requests = [Request("ann", query) for query in ("?", "Eats?")]
        assert await container.warmer.warm_given(requests) == {
            WarmingOutcome.FAILED: 1,
            WarmingOutcome.ANSWERED: 1,
        }


async def test_questions_are_unfinished_while_the_note_store_is_unavailable(
    valkey_url: str, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(valkey_url, model) as container:

        async def fail(*_: Any) -> list[Source]:
            raise StoreUnavailableError("injected")

        monkeypatch.setattr(container.store, "search", fail)
        requests = [Request("ann", query) for query in ("Eats?", "Drinks?")]
        assert await container.warmer.warm_given(requests) == {WarmingOutcome.UNFINISHED: 2}


async def test_user_without_notes_gets_no_answer(valkey_url: str, model: Model) -> None:
    async with opened(valkey_url, model) as container:
        outcomes = await container.warmer.warm_given([Request("cid", "Eats?")])
        assert outcomes == {WarmingOutcome.NO_NOTES: 1}


async def test_given_question_of_a_deleted_user_is_not_stored(
    valkey_url: str, model: Model
) -> None:
    async with opened(valkey_url, model) as container:
        await delete_user(container)
        outcomes = await container.warmer.warm_given([Request("ann", "Eats?")])
        assert outcomes == {WarmingOutcome.NO_NOTES: 1}
        (questions,) = await keys_of_ann(container)
        assert await redis(container, "HKEYS", questions.decode()) == [b"fence"]


async def test_without_redis_no_model_is_called(model: Model) -> None:
    container = create_container("redis://127.0.0.1:1", answerer=model)
    for outcomes in (
        await container.warmer.warm_given([Request("ann", "Eats?")]),
        await container.warmer.warm_pending("ann", "fence"),
    ):
        assert outcomes == {WarmingOutcome.CACHE_UNAVAILABLE: 1}
    await container.aclose()
    assert model.asked == []


async def test_what_there_is_no_time_for_stays_pending(valkey_url: str, model: Model) -> None:
    async with opened_with_pending(valkey_url, model) as (container, messages):
        with deadline_scope(container.settings.inference_timeout - 1):
            outcomes = await container.warmer.warm_pending(*messages.sent[0])
        assert outcomes == {WarmingOutcome.UNFINISHED: 1}
        outcomes = await container.warmer.warm_pending(*messages.sent[0])
        assert outcomes == {WarmingOutcome.ANSWERED: 1}


@pytest.mark.logs_exceptions
async def test_exception_in_the_background_is_logged_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warmed = []

    async def warm(user_id: str, fence: str) -> None:
        warmed.append((user_id, fence))
        if user_id == "ann":
            raise RuntimeError("injected")

    tasks = BackgroundRequests(warm)
    for request in (("ann", "1"), ("ben", "1"), ("ben", "2")):
        await tasks.send(*request)
    await tasks.wait()
    assert warmed == [("ann", "1"), ("ben", "2")]
    assert "unhandled exception" in caplog.text
    await tasks.send("cid", "1")
    await tasks.aclose()
    await tasks.wait()
    assert warmed[2:] == []


async def test_warming_reads_the_raised_threshold(valkey_url: str, model: Model) -> None:
    settings: dict[str, Any] = {"semantic_matcher": "model", "wrong_target": 0.01}
    async with opened(valkey_url, model, **settings) as container:
        raised = container.raised_threshold
        for _ in range(ALLOWED + 1):
            await container.background_redis_client.execute(*raised.count_commands(wrong=True))
        outcomes = await container.warmer.warm_given([Request("ann", "What does ann eat?")])
        assert outcomes == {WarmingOutcome.ANSWERED: 1}
        assert raised.value == 0.925
