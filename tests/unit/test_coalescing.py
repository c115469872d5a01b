"""In-process coalescing: which requests look up, and which share a result."""

import asyncio
import time
from math import inf

import pytest

from shared.answer_stream import AnswerStream
from shared.cache.coalescing import Coalescer
from shared.deadline import deadline_scope
from tests.support.waiting import until

KEY = "ann", "what is faith"


class Process:
    """One process's requests. The result of each is the name of the request that looked up."""

    def __init__(self) -> None:
        # The gather time must not end a test's wait on a slow machine.
        self.coalescer: Coalescer[str] = Coalescer(gather_seconds=60)
        self.leaders: list[str] = []
        self.lookup_ended = asyncio.Event()
        self.generated = asyncio.Event()

    def ask(
        self, name: str, key: object = KEY, seconds: float = inf
    ) -> "asyncio.Task[tuple[str, str]]":
        return asyncio.create_task(self._ask(name, key, seconds))

    async def _ask(self, name: str, key: object, seconds: float) -> tuple[str, str]:
        """Return the result and this request's role."""
        stream: AnswerStream[str] = AnswerStream()
        with deadline_scope(seconds), await self.coalescer.join(key, stream) as membership:
            if membership.result:
                return membership.result, "follower"
            self.leaders.append(name)
            await asyncio.sleep(0)  # a lookup takes some time
            await self.lookup_ended.wait()
            membership.finish_lookup()
            await self.generated.wait()
            stream.publish(name)
            return name, "leader"


@pytest.fixture
def process() -> Process:
    return Process()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_first_request_leads_alone_and_second_leads_all_others(process: Process) -> None:
    tasks = [process.ask(str(number)) for number in range(500)]
    await settle()
    assert process.leaders == ["0"]
    process.lookup_ended.set()
    process.generated.set()
    first, second, *others = await asyncio.gather(*tasks)
    assert (first, second) == (("0", "leader"), ("1", "leader"))
    assert set(others) == {("1", "follower")}


async def test_request_during_a_lookup_does_not_share_its_result(process: Process) -> None:
    """A note change may have been acknowledged between the lookup and the request."""
    tasks = [process.ask("first"), process.ask("second"), process.ask("with second")]
    await settle()
    process.lookup_ended.set()
    process.lookup_ended.clear()
    await settle()
    assert process.leaders == ["first", "second"]
    tasks.append(process.ask("after second"))
    await settle()
    process.lookup_ended.set()
    process.generated.set()
    *_, with_second, after_second = await asyncio.gather(*tasks)
    assert with_second == ("second", "follower")
    assert after_second == ("after second", "leader")


async def test_request_during_a_generation_looks_up_itself(process: Process) -> None:
    tasks = [process.ask("first")]
    await settle()
    process.lookup_ended.set()
    await settle()
    tasks.append(process.ask("second"))
    await settle()
    assert process.leaders == ["first", "second"]
    process.generated.set()
    assert [role for _, role in await asyncio.gather(*tasks)] == ["leader", "leader"]


async def test_requests_with_other_keys_do_not_wait(process: Process) -> None:
    process.ask("ann")
    process.ask("bob", key=("bob", "what is faith"))
    await settle()
    assert process.leaders == ["ann", "bob"]
    process.lookup_ended.set()
    process.generated.set()


@pytest.mark.parametrize("cancelled", [0, 1])
@pytest.mark.parametrize("when", ["lookup", "generation"])
async def test_follower_leads_when_the_leader_is_cancelled(
    process: Process, cancelled: int, when: str
) -> None:
    tasks = [process.ask(str(number)) for number in range(5)]
    await settle()
    if when == "generation":
        process.lookup_ended.set()
        await settle()
    tasks.pop(cancelled).cancel()
    await settle()
    process.lookup_ended.set()
    process.generated.set()
    results = await asyncio.gather(*tasks)
    assert "follower" in [role for _, role in results]


async def test_leader_does_not_wait_longer_than_the_gather_time() -> None:
    process = Process()
    process.coalescer = Coalescer(gather_seconds=0.02)
    tasks = [process.ask(str(number)) for number in range(5)]
    await until(lambda: len(process.leaders) > 1)  # the first lookup does not end meanwhile
    assert process.leaders == ["0", "1"]
    process.lookup_ended.set()
    process.generated.set()
    roles = [role for _, role in await asyncio.gather(*tasks)]
    assert roles == ["leader"] * 2 + ["follower"] * 3


async def test_follower_times_out_at_its_deadline(process: Process) -> None:
    tasks = [process.ask("first"), process.ask("second"), process.ask("third", seconds=-0.2)]
    await settle()
    process.lookup_ended.set()
    with pytest.raises(TimeoutError):
        await tasks.pop()
    process.generated.set()
    assert [role for _, role in await asyncio.gather(*tasks)] == ["leader", "leader"]


async def test_membership_holds_the_time_that_the_leader_waited(process: Process) -> None:
    """The leader's lookup has that much less time."""
    first = await process.coalescer.join(KEY, AnswerStream())
    second = asyncio.create_task(process.coalescer.join(KEY, AnswerStream()))
    await asyncio.sleep(0)  # it begins to wait
    await asyncio.sleep(0.005)
    first.finish_lookup()
    assert first.waited == 0
    assert (await second).waited >= 0.004


async def test_coalescer_forgets_requests_that_ended(process: Process) -> None:
    """A process must not grow with each question."""
    process.lookup_ended.set()
    process.generated.set()
    await asyncio.gather(*(process.ask(str(n), key=n // 3) for n in range(30)))
    assert not process.coalescer._lookups
    assert not process.coalescer._groups


async def test_blocked_event_loop_does_not_count_as_waiting() -> None:
    coalescer: Coalescer[str] = Coalescer(gather_seconds=0.02)
    first = await coalescer.join(KEY, AnswerStream())
    second = asyncio.create_task(coalescer.join(KEY, AnswerStream()))
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251  # blocks the loop on purpose
    first.finish_lookup()
    assert (await second).waited <= 0.02
