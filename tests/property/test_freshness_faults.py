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

pytestmark = pytest.mark.no_cover  # coverage would double the time; other tests cover this code

FAST_WORLDS, WORLDS = 100, 600
"""Worlds of the fast suite, and of both suites; `make eval` runs 20,000."""
ENOUGH = 3_000  # worlds; a few dozen detect the mutation


@pytest.mark.parametrize(
    "seeds",
    [range(FAST_WORLDS), pytest.param(range(FAST_WORLDS, WORLDS), marks=pytest.mark.slow)],
    ids=str,
)
def test_every_response_is_what_the_uncached_pipeline_could_have_given(
    wire: Wire, seeds: range
) -> None:
    for seed in seeds:
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
