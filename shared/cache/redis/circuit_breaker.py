"""The circuit breaker between a container and a Redis server. It logs each outage once."""

import logging
import time
from collections.abc import Callable

from shared.cache.redis.remedies import find_remedy

OPEN_SECONDS = 2.0
"""Interval between two probes of a server that does not respond."""

_log = logging.getLogger(__name__)


class CircuitBreaker:
    """Stops requests to a Redis server that does not respond.

    The first time-out or connection error opens it. While it is open, one request each
    `OPEN_SECONDS` is allowed as a probe. The first success closes it.

    An error reply ("refused", for example because memory is full) opens it too, but requests stay
    allowed: they lose no time by waiting. In this case it closes with the first success at least
    `OPEN_SECONDS` after the last error reply.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        server: str = "",
        parent: "CircuitBreaker | None" = None,
    ) -> None:
        """Create a closed circuit breaker.

        Args:
            clock: a monotonic clock, in seconds.
            server: the node's address for log messages, in a cluster.
            parent: the circuit breaker that counts how often this one opens, in a cluster.
        """
        self._clock = clock
        self._log_fields = {"server": server} if server else {}
        self._parent = parent or self
        self._opened_at: float | None = None
        self._error_reply = False
        self._next_probe = 0.0
        self._open_count = 0
        self._permanent = False
        self.reason = ""
        """Describes the last failure."""

    @property
    def is_open(self) -> bool:
        """Whether a failure occurred and no success since."""
        return self._opened_at is not None

    def allow_request(self) -> bool:
        """Whether a request may be sent now. While open: whether this request is a probe."""
        if self._permanent:
            return False
        if self._opened_at is None or self._error_reply:
            return True
        now = self._clock()
        if now < self._next_probe:
            return False
        self._next_probe = now + OPEN_SECONDS
        return True

    def record_failure(
        self, error: BaseException, *, error_reply: bool = False, permanent: bool = False
    ) -> None:
        """Record a time-out or connection error, or with `error_reply` an error reply.

        A `permanent` failure is one of the settings: no more requests are allowed.
        """
        fields = {"error": type(error).__name__, "remedy": find_remedy(error)}
        fields = {name: text for name, text in fields.items() if text}
        if not self._permanent:
            self.reason, self._permanent = ": ".join(fields.values()), permanent
        now = self._clock()
        self._next_probe, self._error_reply = now + OPEN_SECONDS, error_reply
        if self._opened_at is None:
            self._opened_at = now
            self._parent.add_open_count()
            log_fields = fields | self._log_fields
            _log.warning("the cache is unavailable", extra={"log_fields": log_fields})

    def record_success(self) -> None:
        """Record a reply that is no error."""
        if not self._error_reply or self._clock() >= self._next_probe:
            self.close()

    def close(self) -> None:
        """Close it, if it is open."""
        if self._opened_at is None or self._permanent:
            return
        log_fields = {"seconds": round(self._clock() - self._opened_at, 3)} | self._log_fields
        self._opened_at = None
        _log.warning("the cache is available again", extra={"log_fields": log_fields})

    def add_open_count(self, times: int = 1) -> None:
        """Count that it opened so many times."""
        self._open_count += times

    def take_open_count(self) -> int:
        """Return how many times it opened since the last call, and reset that count."""
        times, self._open_count = self._open_count, 0
        return times
