"""What one request counts, from its look-up, or another's, to its end."""

import asyncio
from typing import TYPE_CHECKING

from shared.cache import counters, index_entries

if TYPE_CHECKING:
    from shared.cache.redis.budgeted_client import BudgetedClient


class RequestCounters(counters.PendingCounters):
    """Events of one request; what its own round trips do not count waits for the next request's.

    `asked` says whether a look-up has counted the question: else Redis has not heard of it.
    """

    def __init__(
        self, line: "BudgetedClient", pending_counters: counters.PendingCounters | None
    ) -> None:
        """`pending_counters` is what waits."""
        super().__init__()
        self.asked = False
        self._redis = line
        self._pending_counters = (
            counters.PendingCounters() if pending_counters is None else pending_counters
        )
        self._began = asyncio.get_running_loop().time()

    def begin(self, *, no_cache: bool) -> None:
        """Take along what waits, with the first round trip."""
        if self._redis.redis_client:
            self._pending_counters.pour(self)
        self.add(no_cache=int(no_cache), redis_outages=self._redis.take_open_count())

    def count_follower(self, other: "RequestCounters | None", outcome: str, cost: float) -> None:
        """Be told what came of another request, in this outcome; `cost` US dollars are saved once.

        None: nothing was told in time.
        """
        self.asked = other.asked if other else self._redis.redis_client is not None
        if self.asked:
            self.add(**counters.followed(outcome, index_entries.nanodollars(cost)))

    def record_outcome(self, outcome: str) -> None:
        """Say how the request was served: see `OUTCOMES`.

        Its time is known when its round trips are over, so it waits for the next one.
        """
        if not self._redis.redis_client:
            return
        passed = asyncio.get_running_loop().time() - self._began
        self.add(**counters.latency(outcome, passed))
        if self.asked and outcome in counters.DEFERRED_OUTCOMES:
            self.add(**{f"outcome_{outcome}": 1})
        self.add(cache_unavailable=int(self._redis.status != "ok"))
        self.pour(self._pending_counters)
