"""Freshness while Redis stops and restarts and replies are lost, checked by the oracle.

A failure names its seed: `python -m tests.evaluation.freshness --restarts --seed SEED` runs that
world again.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from shared.cache.invalidation import Invalidation
from shared.errors import CacheUnavailableError
from tests.support.interleaving.adapters import Wire
from tests.support.interleaving.history import StaleError
from tests.support.interleaving.scenarios import REDIS_RESTARTS
from tests.support.interleaving.world import run

FAST_WORLDS, WORLDS = 40, 600
"""Worlds of the fast suite, and of both suites; `make eval` runs 20,000."""
ENOUGH = 3_000  # worlds; a few dozen detect the mutation


@pytest.mark.parametrize(
    "seeds",
    [range(FAST_WORLDS), pytest.param(range(FAST_WORLDS, WORLDS), marks=pytest.mark.slow)],
    ids=str,
)
def test_every_response_is_one_of_the_uncached_pipeline(wire: Wire, seeds: range) -> None:
    for seed in seeds:
        run(seed, wire, REDIS_RESTARTS)


def test_acknowledging_a_change_that_redis_did_not_execute_is_detected(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ignore_errors(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **named: Any) -> Any:
            with suppress(CacheUnavailableError):
                return await method(*arguments, **named)
            return {}

        return call

    for name in ("rotate_fence", "drop_entries", "delete_user"):
        monkeypatch.setattr(Invalidation, name, ignore_errors(getattr(Invalidation, name)))

    def search() -> None:
        for seed in range(ENOUGH):
            run(seed, wire, REDIS_RESTARTS)

    with pytest.raises(StaleError):
        search()
