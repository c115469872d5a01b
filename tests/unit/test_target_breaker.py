"""The circuit breaker between the relay of the outbox and its target."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from infra.outbox.target_breaker import MAX_DELAY, USERS, TargetBreaker
from infra.outbox.targets import DeliveryError, RefusedError
from tests.support.outbox import MemoryTarget, unavailable


class World:
    """A breaker with a clock and a target, which is unavailable at first."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.target = MemoryTarget(unavailable)
        self.breaker = TargetBreaker(self.target, lambda: self.seconds)

    async def send(self, *users: str) -> None:
        for user in users:
            with suppress(DeliveryError):
                await self.breaker.send({"user_id": user})


@pytest.fixture
def world() -> World:
    return World()


FEW = [f"user {number}" for number in range(USERS - 1)]


def refuse(_: object) -> None:
    raise RefusedError("status 400")


def take(_: object) -> None:
    """Take each message."""


@pytest.mark.parametrize("reply", [take, refuse])
async def test_breaker_opens_when_the_deliveries_of_many_users_fail_in_succession(
    world: World, caplog: pytest.LogCaptureFixture, reply: Callable[[object], None]
) -> None:
    await world.send(*FEW, *FEW)
    world.target.refuse = reply
    await world.send("any")
    world.target.refuse = unavailable
    await world.send(*FEW)
    assert world.breaker.seconds_until_probe() == 0
    await world.send("another")
    assert world.breaker.is_open
    assert 0.5 <= world.breaker.seconds_until_probe() <= 1
    assert caplog.messages == ["outbox: the target is unavailable"]


async def test_time_between_two_probes_doubles_up_to_a_maximum(world: World) -> None:
    await world.send(*FEW, "another")
    longest = 1.0
    for _ in range(10):
        await world.send("one whose delivery began before")
        assert longest / 2 <= world.breaker.seconds_until_probe() <= longest
        world.seconds += world.breaker.seconds_until_probe() + 0.001
        assert world.breaker.seconds_until_probe() == 0
        await world.send("probe")
        longest = min(2 * longest, MAX_DELAY)


@pytest.mark.parametrize("reply", [take, refuse])
async def test_reply_closes_the_breaker(
    world: World, caplog: pytest.LogCaptureFixture, reply: Callable[[object], None]
) -> None:
    await world.send(*FEW, "another")
    world.target.refuse = reply
    await world.send("a", "b")
    assert not world.breaker.is_open
    assert world.breaker.seconds_until_probe() == 0
    assert caplog.messages[1:] == ["outbox: the target is available again"]
