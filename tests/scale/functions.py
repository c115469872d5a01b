"""Execution environments of Lambda functions, and the rates that limit requests."""

from dataclasses import dataclass
from random import Random

from simpy import Environment

from tests.scale.inputs import NEW_ENVIRONMENTS, SCALING_SECONDS


class TokenBucket:
    """Allows `rate` events per second, and `size` at once."""

    def __init__(self, env: Environment, rate: float, size: float) -> None:
        self._env, self._rate, self._filled_at = env, rate, env.now
        self._tokens = self._size = size

    def take(self) -> bool:
        """Return whether one more event is allowed now."""
        elapsed, self._filled_at = self._env.now - self._filled_at, self._env.now
        self._tokens = min(self._size, self._tokens + self._rate * elapsed)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(slots=True)
class Account:
    """The concurrency that all functions of an account share."""

    limit: int
    running: int = 0


class LambdaFunction:
    """Environments that serve one invocation at a time; idle ones are used before new ones start.

    Environments do not expire: a simulated period is shorter than their idle lifetime.

    Args:
        env: the simulation.
        account: the account of the function.
        random: draws which idle environments Lambda has replaced.
        cold_seconds: duration of a cold start.
        restores: share of the idle environments that Lambda has replaced.
        environments: idle environments at the start.
    """

    def __init__(
        self,
        env: Environment,
        account: Account,
        random: Random,
        *,
        cold_seconds: float,
        restores: float = 0.0,
        environments: int = 0,
    ) -> None:
        self.running = 0
        self.environments = self._idle = environments
        self._new = TokenBucket(env, NEW_ENVIRONMENTS / SCALING_SECONDS, NEW_ENVIRONMENTS)
        self._account, self._random = account, random
        self._cold_seconds, self._restores = cold_seconds, restores

    def start(self) -> float | None:
        """Start an invocation.

        Returns:
            The seconds of its cold start, 0 in a warm environment. None if it is throttled.
        """
        if self._account.running >= self._account.limit:
            return None
        if self._idle:
            self._idle -= 1
            cold = self._random.random() < self._restores
        elif self._new.take():
            self.environments += 1
            cold = True
        else:
            return None
        self.running += 1
        self._account.running += 1
        return self._cold_seconds if cold else 0.0

    def end(self) -> None:
        """End an invocation: its environment is idle."""
        self._idle += 1
        self.running -= 1
        self._account.running -= 1
