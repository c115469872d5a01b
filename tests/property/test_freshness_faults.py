"""No answer from before, either, where Redis dies and returns, and replies are lost.

A failure names its seed: `python -m tests.evaluation.freshness --deaths --seed SEED` runs that
world again.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from shared.cache.invalidation import Invalidation
from shared.errors import CacheUnavailableError
from tests.support.interleaving.climates import DEATHS
from tests.support.interleaving.history import StaleError
from tests.support.interleaving.ports import Wire
from tests.support.interleaving.world import run

PARTS = 2
WORLDS = 600
ENOUGH = 3_000  # worlds; it shows within a few dozen


@pytest.mark.parametrize("part", range(PARTS))
def test_every_response_is_what_the_uncached_pipeline_could_have_given(
    wire: Wire, part: int
) -> None:
    for seed in range(part, WORLDS, PARTS):
        run(seed, wire, DEATHS)


def test_a_change_acknowledged_although_redis_did_not_hear_of_it_is_caught(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(honest: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **named: Any) -> Any:
            with suppress(CacheUnavailableError):
                return await honest(*arguments, **named)
            return {}

        return call

    for method in ("rotate_fence", "drop_entries", "delete_user"):
        monkeypatch.setattr(Invalidation, method, careless(getattr(Invalidation, method)))

    def search() -> None:
        for seed in range(ENOUGH):
            run(seed, wire, DEATHS)

    with pytest.raises(StaleError):
        search()
