"""A user's daily budget of generated answers and their cost. The day is that of UTC.

Cached answers are free. A failed generation without a cost is refunded. Without Redis the budget is
not enforced: the cache never fails a question. Warming has a budget of its own within the user's,
which leaves half of that to the user's questions.
"""

import time
from datetime import UTC
from typing import TYPE_CHECKING, Protocol, TypeVar

from shared.cache import keyspace
from shared.cache.index_entries import nanodollars
from shared.cache.redis.budgeted_client import BudgetedClient
from shared.cache.redis.commands import Script
from shared.errors import BudgetExceededError, InferenceError
from shared.local_day import Day

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.cache.redis.client import RedisClient
    from shared.settings import Settings


class _Priced(Protocol):
    @property
    def cost(self) -> float:
        """US dollars."""


T = TypeVar("T", bound=_Priced)
_RESERVE, _CHARGE = map(Script, ("reserve_generation", "charge_generation"))


class UserBudget:
    """Limits what each user's questions may generate in a day."""

    def __init__(self, redis_client: "RedisClient | None", settings: "Settings") -> None:
        """Read the limits from the settings; 0 is no limit."""
        self._redis_client = redis_client
        self._timeout = settings.redis_timeout
        self._generations = settings.user_daily_generations
        self._nanodollars = nanodollars(settings.user_daily_cost)
        self._warmed = settings.warm_daily_budget

    async def spend(
        self, user_id: str, generate: "Callable[[], Awaitable[T]]", *, warming: bool = False
    ) -> T:
        """Generate within the user's budget, and charge the cost.

        Generations that run at the same time may exceed the limit of the cost. `warming` is
        refused if the budget of warming is used up, or half of the user's; it is never refunded.

        Raises:
            BudgetExceededError: the budget of the day is used up; nothing was generated.
        """
        if not (self._generations or self._nanodollars or warming):
            return await generate()
        redis = BudgetedClient(self._redis_client, self._timeout)
        keys = keyspace.UserKeys.of(user_id)
        day = Day.now(UTC)
        date, limits = f"{day.date:%Y%m%d}", self._limits(warming=warming)
        reserved = await redis.execute(
            _RESERVE.call([keys.usage, keys.questions] if warming else [keys.usage], date, *limits)
        )
        if reserved == [0] or (warming and not reserved):
            raise BudgetExceededError(
                "the user's budget of generated answers for this day (UTC) is used up; cached"
                " answers are still returned",
                retry_after=max(1.0, day.ends - time.time()),
            )
        cost, refunded = 0.0, 0
        try:
            completion = await generate()
            cost = completion.cost
        except InferenceError as error:
            cost, refunded = error.cost, int(not (error.cost or warming))
            raise
        finally:
            redis.reset_budget()
            charge = _CHARGE.call([keys.usage], date, nanodollars(cost), -refunded)
            await redis.execute(charge)
        return completion

    def _limits(self, *, warming: bool) -> tuple[str, str, str]:
        """Return the limits of generations, their cost and warmed answers; empty for none."""
        limits = [str(limit) if limit else "" for limit in (self._generations, self._nanodollars)]
        if not warming:
            return limits[0], limits[1], ""
        halves = [str(int(limit) // 2) if limit else "" for limit in limits]
        return halves[0], halves[1], str(self._warmed)
