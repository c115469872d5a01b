"""When a container leaves Redis alone, and who may try it again. Each outage is told once."""

import logging
import time
from collections.abc import Callable

OPEN_SECONDS = 2.0
"""How long a container leaves Redis alone after it gave no answer; then one request probes."""

_log = logging.getLogger(__name__)


class CircuitBreaker:
    """What one container knows of Redis' health.

    An outage begins with a failure and ends with an answer. Where Redis does not answer it is
    left alone; where it answers and refuses (it is full, say), it is still asked, since a refusal
    keeps nobody waiting, but the outage counts as over only when none has come for a while.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        server: str = "",
        among: "CircuitBreaker | None" = None,
    ) -> None:
        """`server` is named where there are several, whose outages are counted `among` others."""
        self._clock = clock
        self._server = {"server": server} if server else {}
        self._among = among or self
        self._began: float | None = None
        self._refusing = False
        self._next_try = 0.0
        self._untold = 0

    @property
    def is_open(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return self._began is not None

    def allow_request(self) -> bool:
        """Whether to ask Redis: in an outage, one request at a time and seldom."""
        if self._began is None or self._refusing:
            return True
        now = self._clock()
        if now < self._next_try:
            return False
        self._next_try = now + OPEN_SECONDS
        return True

    def record_failure(self, error: BaseException, *, refused: bool = False) -> None:
        """Take down that Redis gave no answer, or that it `refused`."""
        now = self._clock()
        self._next_try, self._refusing = now + OPEN_SECONDS, refused
        if self._began is None:
            self._began = now
            self._among.add_open_count()
            log_fields = {"error": type(error).__name__} | self._server
            _log.warning("the cache is unavailable", extra={"log_fields": log_fields})

    def record_success(self) -> None:
        """Take down that Redis did as it was asked."""
        if not self._refusing or self._clock() >= self._next_try:
            self.close()

    def close(self) -> None:
        """Take down that an outage is over, if there was one."""
        if self._began is None:
            return
        log_fields = {"seconds": round(self._clock() - self._began, 3)} | self._server
        self._began = None
        _log.warning("the cache is available again", extra={"log_fields": log_fields})

    def add_open_count(self, begun: int = 1) -> None:
        """Count outages that have begun."""
        self._untold += begun

    def take_open_count(self) -> int:
        """How many outages have begun since this was last asked: for a counter."""
        untold, self._untold = self._untold, 0
        return untold
