"""The language model, and the circuit breaker that all containers share."""

import math
from random import Random
from typing import NamedTuple

from simpy import Environment

from shared.settings import Settings

SIGMA = 0.5  # of the logarithm of the latency: P95 is 2.3 times P50
_DEFAULTS = Settings.from_env({})


def lognormal(random: Random, mean: float, sigma: float) -> float:
    """Draw from a lognormal distribution with this mean."""
    return random.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)


class ModelCall(NamedTuple):
    """When a call begins, its seconds, and whether it succeeds."""

    began: float
    seconds: float
    succeeds: bool


class ModelHost:
    """Draws the latency of each call.

    A call that takes longer than the time-out fails. The circuit breaker has the rules of
    shared/inference/circuit_breaker.py, as if all containers knew each call at once.

    Args:
        env: the simulation.
        random: draws the latencies.
        mean_seconds: the mean latency.
    """

    def __init__(self, env: Environment, random: Random, mean_seconds: float) -> None:
        self.factor = 1.0
        self.silent = False
        self._env, self._random, self._mean = env, random, mean_seconds
        self._open_until: float | None = None
        self._changed_at = self._window_end = -math.inf
        self._calls = self._failures = 0
        self._probing = False

    def call(self) -> ModelCall | None:
        """Start a call; `end` must follow. Returns None if the circuit breaker refuses it."""
        if self._open_until is not None:
            if self._probing or self._env.now < self._open_until:
                return None
            self._probing = True
        seconds = lognormal(self._random, self._mean, SIGMA) * self.factor
        timeout = _DEFAULTS.inference_timeout
        if self.silent or seconds > timeout:
            return ModelCall(self._env.now, timeout, succeeds=False)
        return ModelCall(self._env.now, seconds, succeeds=True)

    def end(self, call: ModelCall) -> None:
        """Record how a call ended."""
        now, began, succeeded = self._env.now, call.began, call.succeeds
        if self._probing and began >= self._changed_at:
            self._change(None if succeeded else now + _DEFAULTS.breaker_open_seconds)
            return
        if began < max(self._changed_at, now - _DEFAULTS.breaker_window):
            return
        if now >= self._window_end:
            self._calls = self._failures = 0
            self._window_end = now + _DEFAULTS.breaker_window
        self._calls += 1
        self._failures += not succeeded
        too_many = self._failures >= _DEFAULTS.breaker_failure_rate * self._calls
        if self._calls >= _DEFAULTS.breaker_min_calls and too_many:
            self._change(now + _DEFAULTS.breaker_open_seconds)

    def _change(self, open_until: float | None) -> None:
        self._open_until, self._changed_at = open_until, self._env.now
        self._probing, self._window_end = False, -math.inf
