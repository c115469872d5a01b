"""Those who ask the same at the same moment: who looks, and who is told."""

import asyncio
import time
from math import inf

import pytest

from shared.cache import coalescing
from shared.cache.coalescing import Coalescer
from shared.deadline import deadline_scope

KEY = "ann", "what is faith"


class Asked:
    """Asks of one process; what is told is who looked."""

    def __init__(self) -> None:
        self.coalescer: Coalescer[str] = Coalescer()
        self.looking: list[str] = []
        self.looked = asyncio.Event()
        self.done = asyncio.Event()

    def ask(
        self, name: str, key: object = KEY, seconds: float = inf
    ) -> "asyncio.Task[tuple[str, str]]":
        return asyncio.create_task(self._ask(name, key, seconds))

    async def _ask(self, name: str, key: object, seconds: float) -> tuple[str, str]:
        """Give what was found, and how."""
        with deadline_scope(seconds), await self.coalescer.turn(key) as turn:
            if turn.told:
                return turn.told, "told"
            self.looking.append(name)
            await asyncio.sleep(0)  # a look takes some time
            await self.looked.wait()
            turn.looked()
            await self.done.wait()
            turn.tell(name)
            return name, "looked"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """However slow the machine: what a crowd waits at most is not at stake."""
    monkeypatch.setattr(coalescing, "_GATHER_SECONDS", 60)
    return Asked()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_of_a_crowd_the_first_looks_and_then_one_for_all_others(asked: Asked) -> None:
    tasks = [asked.ask(str(number)) for number in range(500)]
    await settle()
    assert asked.looking == ["0"]
    asked.looked.set()
    asked.done.set()
    first, second, *others = await asyncio.gather(*tasks)
    assert (first, second) == (("0", "looked"), ("1", "looked"))
    assert set(others) == {("1", "told")}


async def test_whoever_asks_after_a_look_began_is_not_told_what_it_found(asked: Asked) -> None:
    """A change may have been acknowledged between the two. The second looks for a crowd."""
    tasks = [asked.ask("first"), asked.ask("second"), asked.ask("with it")]
    await settle()
    asked.looked.set()
    asked.looked.clear()
    await settle()
    assert asked.looking == ["first", "second"]
    tasks.append(asked.ask("after it"))
    await settle()
    asked.looked.set()
    asked.done.set()
    *_, with_it, after_it = await asyncio.gather(*tasks)
    assert (with_it, after_it) == (("second", "told"), ("after it", "looked"))


async def test_whoever_asks_while_others_write_looks_for_itself(asked: Asked) -> None:
    tasks = [asked.ask("first")]
    await settle()
    asked.looked.set()
    await settle()
    tasks.append(asked.ask("second"))
    await settle()
    assert asked.looking == ["first", "second"]
    asked.done.set()
    assert [how for _, how in await asyncio.gather(*tasks)] == ["looked", "looked"]


async def test_other_questions_do_not_wait(asked: Asked) -> None:
    asked.ask("ann")
    asked.ask("bob", key=("bob", "what is faith"))
    await settle()
    assert asked.looking == ["ann", "bob"]
    asked.looked.set()
    asked.done.set()


@pytest.mark.parametrize("given_up", [0, 1])
@pytest.mark.parametrize("when", ["looking", "writing"])
async def test_who_gives_up_leaves_nobody_waiting(asked: Asked, given_up: int, when: str) -> None:
    """Of those who gathered for it, one takes over."""
    tasks = [asked.ask(str(number)) for number in range(5)]
    await settle()
    if when == "writing":
        asked.looked.set()
        await settle()
    tasks.pop(given_up).cancel()
    await settle()
    asked.looked.set()
    asked.done.set()
    found = await asyncio.gather(*tasks)
    assert "told" in [how for _, how in found]


async def test_a_crowd_waits_only_so_long_for_a_look_that_takes_long() -> None:
    asked = Asked()
    tasks = [asked.ask(str(number)) for number in range(5)]
    await asyncio.sleep(0.05)  # the first look goes on meanwhile
    assert asked.looking == ["0", "1"]
    asked.looked.set()
    asked.done.set()
    assert [how for _, how in await asyncio.gather(*tasks)] == ["looked"] * 2 + ["told"] * 3


async def test_whoever_is_told_nothing_in_time_learns_that(asked: Asked) -> None:
    tasks = [asked.ask("first"), asked.ask("second"), asked.ask("third", seconds=-0.2)]
    await settle()
    asked.looked.set()
    with pytest.raises(TimeoutError):
        await tasks.pop()
    asked.done.set()
    assert [how for _, how in await asyncio.gather(*tasks)] == ["looked", "looked"]


async def test_a_turn_says_how_long_it_gathered(asked: Asked) -> None:
    """Its own look has so much less time."""
    first = await asked.coalescer.turn(KEY)
    gathering = asyncio.create_task(asked.coalescer.turn(KEY))
    await asyncio.sleep(0.005)
    first.looked()
    assert first.gathered == 0
    assert (await gathering).gathered >= 0.004


async def test_nothing_is_left_of_what_is_over(asked: Asked) -> None:
    """Else a process would grow with each question that it was ever asked."""
    asked.looked.set()
    asked.done.set()
    await asyncio.gather(*(asked.ask(str(n), key=n // 3) for n in range(30)))
    assert vars(asked.coalescer) == {"_looks": {}, "_crowds": {}}


async def test_a_process_that_stands_still_meanwhile_does_not_shorten_the_next_look() -> None:
    asked = Asked()
    first = await asked.coalescer.turn(KEY)
    gathering = asyncio.create_task(asked.coalescer.turn(KEY))
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251  # the loop is what stands still
    first.looked()
    assert (await gathering).gathered <= 0.02
