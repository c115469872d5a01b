"""Leaves a model alone while it fails, and lets one call at a time find out whether it is back.

A breaker is *closed* while calls go through. It *opens* when too many of the last ones failed:
then none goes through for a while, so that nobody waits for what will not come. Then it is *half
open*: one call, the probe, goes through, and closes it or opens it again.

What a breaker knows it shares with those of other containers, by way of the cache
(`shared/inference/shared_breaker.py`); where there is none, it works by itself.
"""

import asyncio
import logging
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from shared.deadline import remaining
from shared.errors import (
    CircuitOpenError,
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from shared.settings import Settings

PROBE_SECONDS = 30.0
"""How long a probe may take before another call may be the probe."""

_CLOCK_SECONDS = 1.0  # how much a clock may be set back within a pause unnoticed
_DENIED_SECONDS = 1.0  # how long whoever may not probe waits before it asks again
_FAIR_SECONDS = 5.0  # a call that was given less says nothing of the model when it comes too late
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Calls:
    """How many calls were answered, and how many failed."""

    answered: int = 0
    failed: int = 0


class Probes(Protocol):
    """Sees to it that of all containers one probes, by the id of the breaker."""

    async def claim(self, breaker_id: str) -> bool:
        """Ask whether this container may send the probe."""

    async def release(self, breaker_id: str) -> None:
        """Let others send it: this one's told nothing."""


class CircuitBreaker:
    """One model's breaker, as one container has it. Times are in seconds."""

    def __init__(
        self,
        model: str,
        url: str,
        settings: "Settings",
        *,
        probes: Probes | None = None,
        clock: "Callable[[], float]" = time.time,
    ) -> None:
        """`model` at `url` is what it is about; all containers name both alike."""
        self.id = f"{url} {model}"
        self.pause = settings.breaker_open_seconds
        self._model = model
        self._probes = probes
        self._rate = settings.breaker_failure_rate
        self._enough = settings.breaker_min_calls
        self._slot_seconds = settings.breaker_window / 2
        self._fair = min(_FAIR_SECONDS, settings.inference_timeout / 2)
        self._clock = clock
        self._open_until: float | None = None
        self._probe_at = 0.0
        self._own: defaultdict[int, Calls] = defaultdict(Calls)
        self._all = Calls()
        self._untold: defaultdict[int, Calls] = defaultdict(Calls)
        self._tell_at = 0.0
        self._turned_at: float | None = None  # opened or closed, and nobody knows yet

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        left = self.left
        if left is None:
            return "closed"
        return "open" if left > 0 else "half-open"

    @property
    def left(self) -> float | None:
        """How long the pause lasts yet, less than 0 once it is over; None where it is closed."""
        if self._open_until is None:
            return None
        left = self._open_until - self._clock()
        # No pause is longer than one: then the clock was set back, and it tells nothing.
        return left if left <= self.pause + _CLOCK_SECONDS else 0.0

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
    async def call(self, *, may_probe: bool = True) -> "AsyncIterator[None]":
        """Call the model within; how that ends is taken down.

        A call that is cut short for reasons of its own may not probe: `may_probe` is false.

        Raises:
            CircuitOpenError: the model is left alone for now.
        """
        probing = await self._admit(may_probe=may_probe)
        (slot, _), began, given = self.slots, asyncio.get_running_loop().time(), remaining()
        failed: bool | None = None
        try:
            yield
            failed = False
        except InferenceRefusedError:
            failed = False  # whoever refuses is there
            raise
        except InferenceError as error:
            late = isinstance(error, InferenceTimeoutError) and given < self._fair
            failed = None if late else True
            raise
        finally:
            # A probe that outlasted its time is a call like any other.
            probing = probing and asyncio.get_running_loop().time() - began < PROBE_SECONDS
            if failed is not None:
                self._record(slot, failed=failed, probing=probing)
            elif probing:
                await self._give_up()

    def must_tell(self, *, urgent: bool) -> bool:
        """Whether the other containers should hear of calls; `urgent` are failures alone."""
        if any(calls.failed for calls in self._untold.values()):
            return True
        return bool(self._untold) and not urgent and self._clock() >= self._tell_at

    def tell(self) -> dict[int, Calls]:
        """Give, by slot, the calls that the other containers have not heard of; once each."""
        untold, self._untold = self._untold, defaultdict(Calls)
        self._tell_at = self._clock() + self._slot_seconds / 3
        return untold

    @property
    def news(self) -> float | None:
        """When it opened or closed, if that was lately and the others do not know."""
        if self._turned_at is not None and self._clock() - self._turned_at > self.pause:
            self._turned_at = None  # they have gone on meanwhile
        return self._turned_at

    def told(self, news: float) -> None:
        """Take down that the others know this; there may be newer news."""
        if self._turned_at == news:
            self._turned_at = None

    def learn_pause(self, left: float | None) -> None:
        """Hear how long the other containers leave the model alone: see `left`.

        That there is no pause is not believed before this one's own is over: what told of it may
        have been evicted, or never have come to this part of the cache.
        """
        if self.news is not None:
            return  # they have not heard of this one's latest yet
        if left is None:
            if (own := self.left) is not None and own <= 0:
                self._forget()  # somebody's probe went well
                self._open_until = None
        else:
            self._open_until = self._clock() + min(left, self.pause)

    def learn_calls(self, calls: Calls) -> None:
        """Hear how the calls of all containers in `slots` ended; of their pause before that."""
        self._all = calls
        self._judge()

    async def _admit(self, *, may_probe: bool) -> bool:
        """Let a call through, as the probe (True) or as any; or raise."""
        left = self.left
        if left is None:
            return False
        now = self._clock()
        if left <= 0 and may_probe and now >= self._probe_at:
            self._probe_at = now + PROBE_SECONDS
            try:
                granted = self._probes is None or await self._probes.claim(self.id)
            except BaseException:
                self._probe_at = 0.0
                raise
            if granted:
                return True
            self._probe_at = now + _DENIED_SECONDS
        raise CircuitOpenError(
            "the model has failed too often of late and is left alone for a while",
            retry_after=max(left, 1.0),
        )

    async def _give_up(self) -> None:
        """Let the next call probe."""
        self._probe_at = 0.0
        if self._probes is not None:
            await self._probes.release(self.id)

    def _record(self, slot: int, *, failed: bool, probing: bool) -> None:
        """Count a call in the slot in which it began."""
        for counted in (self._own, self._untold):
            for old in counted.keys() - set(self.slots):
                del counted[old]
            counted[slot].failed += failed
            counted[slot].answered += not failed
        if not probing:
            self._judge()
        elif failed:
            self._open("the model still fails")
        else:
            self._close()

    def _judge(self) -> None:
        """Open where too many calls failed: of all containers', or of this one's alone."""
        if self._open_until is not None:
            return
        counted = [self._own[slot] for slot in self.slots if slot in self._own]
        own = Calls(sum(each.answered for each in counted), sum(each.failed for each in counted))
        for calls in (own, self._all):
            total = calls.answered + calls.failed
            if total >= self._enough and calls.failed >= self._rate * total:
                self._open("the model fails")
                return

    def _open(self, why: str) -> None:
        now = self._clock()
        self._open_until = now + self.pause
        self._probe_at = 0.0
        self._turned_at = now
        _log.warning("breaker opened", extra={"log_fields": {"model": self._model, "why": why}})

    def _close(self) -> None:
        self._open_until = None
        self._probe_at = 0.0
        self._turned_at = self._clock()
        self._forget()
        _log.warning("breaker closed", extra={"log_fields": {"model": self._model}})

    def _forget(self) -> None:
        self._own.clear()
        self._untold.clear()
        self._all = Calls()


@dataclass(frozen=True, slots=True)
class CircuitBreakers:
    """The breakers of a container: one for each model."""

    chat: CircuitBreaker
    embeddings: CircuitBreaker

    @classmethod
    def of(cls, settings: "Settings", probes: Probes | None = None) -> Self:
        """Make them for the models that the settings name."""
        chat, embeddings = settings.chat_model, settings.embedding_model
        return cls(
            CircuitBreaker(chat, settings.chat_url, settings, probes=probes),
            CircuitBreaker(embeddings, settings.embedding_url, settings, probes=probes),
        )

    def __iter__(self) -> "Iterator[CircuitBreaker]":
        """Give each."""
        yield from (self.chat, self.embeddings)

    @property
    def state(self) -> str:
        """The worst of their states: `closed`, `half-open` or `open`."""
        return max((breaker.state for breaker in self), key=("closed", "half-open", "open").index)
