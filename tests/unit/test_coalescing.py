"""Those who ask the same at the same moment: who looks, and who is told."""

import asyncio
from math import inf

import pytest

from shared.coalescing import Coalescer

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
        deadline = asyncio.get_running_loop().time() + seconds
        with await self.coalescer.turn(key, deadline) as turn:
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
def asked() -> Asked:
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
    """A change may have been acknowledged between the two."""
    tasks = [asked.ask("first")]
    await settle()
    tasks.append(asked.ask("second"))
    asked.looked.set()
    await settle()
    tasks.append(asked.ask("third"))  # while the first two still write their answers
    await settle()
    assert asked.looking == ["first", "second", "third"]
    asked.done.set()
    assert [how for _, how in await asyncio.gather(*tasks)] == ["looked"] * 3


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


async def test_whoever_has_no_more_time_looks_for_itself(asked: Asked) -> None:
    tasks = [asked.ask("first"), asked.ask("second"), asked.ask("third", seconds=0.01)]
    await settle()
    asked.looked.set()
    await asyncio.sleep(0.02)
    assert asked.looking == ["first", "second", "third"]
    asked.done.set()
    assert (await asyncio.gather(*tasks))[2] == ("third", "looked")


async def test_nothing_is_left_of_what_is_over(asked: Asked) -> None:
    """Else a process would grow with each question that it was ever asked."""
    asked.looked.set()
    asked.done.set()
    await asyncio.gather(*(asked.ask(str(n), key=n // 3) for n in range(30)))
    assert vars(asked.coalescer) == {"_looks": {}, "_crowds": {}}
