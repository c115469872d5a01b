"""The circuit breaker between the relay and its target."""

import logging
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.outbox.targets import DeliveryError, RefusedError

if TYPE_CHECKING:
    from infra.outbox.targets import Target

USERS = 20
"""Users whose deliveries fail in succession before the circuit breaker opens."""

MAX_DELAY = 30.0
"""The longest time between two probes, in seconds."""

_FIRST_DELAY = 1.0
_log = logging.getLogger(__name__)


class TargetBreaker:
    """Stops deliveries to a target that is unavailable, so that each record is not tried in vain.

    It opens when the deliveries of `USERS` users fail in succession: fewer may have notes that only
    the target cannot take. While it is open, one delivery at a time is a probe, after 1, 2, 4, … at
    most `MAX_DELAY` seconds, of which up to a half is left out at random, so that several relays do
    not probe at once. A message that is taken, or refused as it is, closes it.
    """

    def __init__(self, target: "Target", clock: Callable[[], float] = time.monotonic) -> None:
        self._target = target
        self._clock = clock
        self._failed_users = set[str]()
        self._delay = self._next_probe = 0.0

    @property
    def is_open(self) -> bool:
        """Whether only probes are allowed."""
        return len(self._failed_users) >= USERS

    def seconds_until_probe(self) -> float:
        """Return the time for which no delivery may begin; 0 while the breaker is closed."""
        return max(0.0, self._next_probe - self._clock()) if self.is_open else 0.0

    async def send(self, message: dict[str, Any]) -> None:
        """Deliver a message, and observe whether the target replies.

        Raises:
            RefusedError, DeliveryError: those of the target.
        """
        try:
            await self._target.send(message)
        except RefusedError:
            self._record_reply()
            raise
        except DeliveryError:
            self._record_failure(message["user_id"])
            raise
        self._record_reply()

    def _record_reply(self) -> None:
        if self.is_open:
            _log.warning("outbox: the target is available again")
        self._failed_users.clear()

    def _record_failure(self, user_id: str) -> None:
        if not self.is_open:
            self._failed_users.add(user_id)
            if not self.is_open:
                return
            _log.error("outbox: the target is unavailable")
            self._delay = _FIRST_DELAY
        elif self.seconds_until_probe():
            return  # it began before the breaker opened
        else:
            self._delay = min(2 * self._delay, MAX_DELAY)
        self._next_probe = self._clock() + self._delay * random.uniform(0.5, 1)  # noqa: S311 - jitter
