"""Leaves a model alone while it fails, and lets one call at a time find out whether it is back.

A breaker is *closed* while calls go through. It *opens* when too many of the last ones failed:
then none goes through for a while, so that nobody waits for what will not come. Then it is *half
open*: one call, the probe, goes through, and closes it or opens it again.

What a breaker knows it shares with those of other containers, by way of the cache
(`shared/cache/breakers.py`); where there is none, it works by itself.
"""

import asyncio
import logging
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shared.errors import (
    BreakerOpenError,
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from shared.settings import Settings

    Claim = Callable[[str], Awaitable[bool]]

PROBE_SECONDS = 30.0
"""How long a probe may take before another call may be the probe."""

_FAIR_SECONDS = 5.0  # a call that was given less says nothing of the model when it comes too late
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Calls:
    """How many calls were answered, and how many failed."""

    answered: int = 0
    failed: int = 0


class Breaker:
    """One model's breaker, as one container has it. Times are in seconds since 1970."""

    def __init__(
        self,
        model: str,
        url: str,
        settings: "Settings",
        *,
        claim: "Claim | None" = None,
        clock: "Callable[[], float]" = time.time,
    ) -> None:
        """`model` at `url` is what it is about; all containers name both alike.

        `claim` asks the other containers whether this one may send the probe.
        """
        self.id = f"{url} {model}"
        self._model = model
        self._claim = claim
        self._rate = settings.breaker_failure_rate
        self._enough = settings.breaker_min_calls
        self._slot_seconds = settings.breaker_window / 2
        self._pause = settings.breaker_pause
        self._fair = min(_FAIR_SECONDS, settings.inference_timeout / 2)
        self._clock = clock
        self._open_until: float | None = None
        self._probe_until = 0.0
        self._own: defaultdict[int, Calls] = defaultdict(Calls)
        self._all = Calls()
        self._untold: defaultdict[int, Calls] = defaultdict(Calls)
        self._tell_at = 0.0
        self._turned = False  # opened or closed, and nobody knows yet

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half-open"

    @property
    def open_until(self) -> float | None:
        """When the pause ends, or has ended; None where the breaker is closed."""
        return self._open_until

    @property
    def seconds(self) -> int:
        """How long a slot's calls are of interest to anybody."""
        return int(3 * self._slot_seconds) + 1

    @property
    def slots(self) -> tuple[int, int]:
        """Name the two spans of time whose calls count: this one, and the one before."""
        slot = int(self._clock() / self._slot_seconds)
        return slot, slot - 1

    @asynccontextmanager
    async def call(self, deadline: float | None = None) -> "AsyncIterator[None]":
        """Call the model within; how that ends is taken down.

        `deadline` is a time of the event loop's clock: what the call was given.

        Raises:
            BreakerOpenError: the model is left alone for now.
        """
        probing = await self._admit()
        began = asyncio.get_running_loop().time()
        try:
            yield
        except InferenceRefusedError:
            self._record(failed=False, probing=probing)  # whoever refuses is there
            raise
        except InferenceError as error:
            given = self._fair if deadline is None else deadline - began
            if isinstance(error, InferenceTimeoutError) and given < self._fair:
                self._probe_until = 0.0
            else:
                self._record(failed=True, probing=probing)
            raise
        except BaseException:
            self._probe_until = 0.0  # given up; the next call may probe
            raise
        else:
            self._record(failed=False, probing=probing)

    def must_tell(self, *, soon: bool) -> bool:
        """Whether the other containers should hear of calls: a failure `soon`, the rest in time."""
        if any(calls.failed for calls in self._untold.values()):
            return True
        return bool(self._untold) and not soon and self._clock() >= self._tell_at

    def tell(self) -> dict[int, Calls]:
        """Give, by slot, the calls that the other containers have not heard of; once each."""
        untold, self._untold = self._untold, defaultdict(Calls)
        self._tell_at = self._clock() + self._slot_seconds / 3
        return untold

    def take_turn(self) -> bool:
        """Whether it has opened or closed since this was last asked."""
        turned, self._turned = self._turned, False
        return turned

    def learn_pause(self, open_until: float | None) -> None:
        """Hear until when the other containers leave the model alone."""
        if self._turned:
            return  # they have not heard of this one's latest yet
        if open_until is None and self._open_until is not None:
            self._forget()  # somebody's probe went well
        self._open_until = open_until

    def learn_calls(self, calls: Calls) -> None:
        """Hear how the calls of all containers in `slots` ended."""
        self._all = calls
        self._judge()

    async def _admit(self) -> bool:
        """Let a call through, as the probe (True) or as any; or raise."""
        if self._open_until is None:
            return False
        now = self._clock()
        wait = self._open_until - now
        if wait <= 0 and now >= self._probe_until:
            self._probe_until = now + PROBE_SECONDS
            if self._claim is None or await self._claim(self.id):
                return True
        raise BreakerOpenError(
            "the model has failed too often of late and is left alone for a while",
            retry_after=max(wait, 1.0),
        )

    def _record(self, *, failed: bool, probing: bool) -> None:
        slot = self.slots[0]
        for calls in (self._own[slot], self._untold[slot]):
            calls.failed += failed
            calls.answered += not failed
        if not probing:
            self._judge()
        elif failed:
            self._open("the model still fails")
        else:
            self._close()

    def _judge(self) -> None:
        """Open where too many calls failed: of all containers', or of this one's alone."""
        for old in self._own.keys() - set(self.slots):
            del self._own[old]
        if self._open_until is not None:
            return
        own = Calls(
            sum(calls.answered for calls in self._own.values()),
            sum(calls.failed for calls in self._own.values()),
        )
        for calls in (own, self._all):
            total = calls.answered + calls.failed
            if total >= self._enough and calls.failed >= self._rate * total:
                self._open("the model fails")
                return

    def _open(self, why: str) -> None:
        self._open_until = self._clock() + self._pause
        self._probe_until = 0.0
        self._turned = True
        _log.warning("breaker opened", extra={"facts": {"model": self._model, "why": why}})

    def _close(self) -> None:
        self._open_until = None
        self._probe_until = 0.0
        self._turned = True
        self._forget()
        _log.warning("breaker closed", extra={"facts": {"model": self._model}})

    def _forget(self) -> None:
        self._own.clear()
        self._untold.clear()
        self._all = Calls()


@dataclass(frozen=True, slots=True)
class Breakers:
    """The breakers of a container: one for each model."""

    chat: Breaker
    embeddings: Breaker

    @classmethod
    def of(cls, settings: "Settings", claim: "Claim | None" = None) -> Self:
        """Make them for the models that the settings name."""
        chat, embeddings = settings.chat_model, settings.embedding_model
        return cls(
            Breaker(chat, settings.chat_url, settings, claim=claim),
            Breaker(embeddings, settings.embedding_url, settings, claim=claim),
        )

    def __iter__(self) -> "Iterator[Breaker]":
        """Give each."""
        yield from (self.chat, self.embeddings)

    @property
    def state(self) -> str:
        """The worst of their states: `closed`, `half-open` or `open`."""
        return max((breaker.state for breaker in self), key=("closed", "half-open", "open").index)
