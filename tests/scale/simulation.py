"""Questions and note changes of many users on AWS, as discrete events."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import NamedTuple

import numpy as np
from simpy import Environment, Event
from simpy.events import ProcessGenerator

from shared.cache.keyspace import PARTITIONS
from tests.scale.event_source import EventSource
from tests.scale.functions import Account, LambdaFunction, TokenBucket
from tests.scale.inputs import (
    CHANGES_PER_DAY,
    POOL_CONNECTIONS,
    QUESTIONS_PER_DAY,
    Deployment,
    MeasuredCosts,
    peak,
)
from tests.scale.model_host import ModelCall, ModelHost, lognormal

WARM_UP_SECONDS = 30.0  # simulated before the measurement
JITTER = 0.3  # sigma of the durations of functions without the model
_RISE_SECONDS = 60.0  # in which traffic rises
_SPREAD = 2_654_435_761  # multiplicative hashing of users to partitions
_IMPORTER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A disturbance that begins with the measurement.

    Attributes:
        name: what happens.
        seconds: duration of the measurement.
        traffic: the rate of questions is multiplied by this, rising for a minute.
        imported: notes that one user imports.
        fair_queue: whether messages have the user as their message group, so that SQS delivers
            the messages of other users first while one user has a backlog.
        storm: every n-th user has a change at once, which drops all their answers; 0: no user.
        model_factor: the latency of the model is multiplied by this.
        silent_seconds: how long the model does not reply at all.
        redeployed: whether a new version of `ask` starts without any environment.
    """

    name: str
    seconds: float = 90.0
    traffic: float = 1.0
    imported: int = 0
    fair_queue: bool = False
    storm: int = 0
    model_factor: float = 1.0
    silent_seconds: float = 0.0
    redeployed: bool = False


@dataclass(slots=True)
class Counts:
    """What happened during the measurement.

    Attributes:
        asked: questions.
        refused: questions above the API's rate limit.
        throttled: questions without an execution environment.
        timed_out: questions whose model call timed out.
        fallbacks: misses that an open circuit breaker answered without the model.
        cold_starts: questions that started an environment.
        generations: calls of the language model.
        most_running: the most questions at a time.
        most_in_account: the most invocations at a time while a question started.
        units: ECPUs.
        slot_units: ECPUs of the busiest partition in its busiest second.
        latencies: of the answered questions, in seconds.
        running: questions at a time, each second.
    """

    asked: int = 0
    refused: int = 0
    throttled: int = 0
    timed_out: int = 0
    fallbacks: int = 0
    cold_starts: int = 0
    generations: int = 0
    most_running: int = 0
    most_in_account: int = 0
    units: float = 0.0
    slot_units: float = 0.0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    running: "array[float]" = field(default_factory=lambda: array("d"))


class Result(NamedTuple):
    """Measurements of one simulation.

    Attributes:
        counts: what happened.
        started: questions that run at the end, without those that ran at the start.
        environments: of all functions, started or warm.
        connections: to PostgreSQL.
        change_ages: seconds from sending to the end of each note change, without those of the
            importing user. Changes that wait at the end count with their age.
        drained: seconds until the last change of the disturbance ended; None if some wait.
    """

    counts: Counts
    started: int
    environments: int
    connections: int
    change_ages: Sequence[float]
    drained: float | None


def simulate(
    users: int,
    scenario: Scenario,
    deployment: Deployment,
    costs: MeasuredCosts,
    *,
    seed: int = 1,
) -> Result:
    """Simulate the busiest hour of a day, at the true rate of all users."""
    return _Simulation(users, scenario, deployment, costs, seed).run()


class _Simulation:
    def __init__(
        self,
        users: int,
        scenario: Scenario,
        deployment: Deployment,
        costs: MeasuredCosts,
        seed: int,
    ) -> None:
        self.users, self.scenario, self.costs = users, scenario, costs
        self.random, self.env = Random(seed), Environment()
        self.question_rate = peak(QUESTIONS_PER_DAY, users)
        self.api = TokenBucket(self.env, deployment.rate_limit, deployment.burst_limit)
        self.account = Account(deployment.lambda_concurrency)
        warm = min(int(self.question_rate * costs.mean_seconds), deployment.lambda_concurrency)
        self.ask = self._function(costs.ask_cold_seconds, warm)
        self.invalidate = self._function(costs.invalidate_cold_seconds)
        self.warm = self._function(costs.ask_cold_seconds)
        self.changes = EventSource(
            *(self.env, self.invalidate),
            batch_size=deployment.batch_size,
            max_concurrency=deployment.invalidate_concurrency,
            process=self._apply_change,
            noisy_user=_IMPORTER if scenario.fair_queue else None,
        )
        self.warmings = EventSource(
            *(self.env, self.warm),
            batch_size=1,
            max_concurrency=deployment.warm_concurrency,
            process=lambda _: lognormal(self.random, costs.miss_seconds, JITTER),
        )
        self.model = ModelHost(self.env, self.random, costs.model_seconds)
        self.stormy: Callable[[int], bool] = lambda _: False
        self.slots = [0.0] * PARTITIONS
        self.counts, self.running = Counts(), 0

    def _function(self, cold_seconds: float, environments: int = 0) -> LambdaFunction:
        return LambdaFunction(
            *(self.env, self.account, self.random),
            cold_seconds=cold_seconds,
            restores=self.costs.restores,
            environments=environments,
        )

    def run(self) -> Result:
        self.env.process(self._ask_questions())
        self.env.process(self._change_notes())
        self.env.process(self._sample())
        self.env.run(WARM_UP_SECONDS)
        self.counts, running = Counts(), self.running
        self.env.process(self._disturb())
        self.env.run(WARM_UP_SECONDS + self.scenario.seconds)
        return self._result(started=self.running - running)

    def _ask_questions(self) -> ProcessGenerator:
        growth = self.scenario.traffic - 1
        while True:
            risen = min(1.0, max(0.0, (self.env.now - WARM_UP_SECONDS) / _RISE_SECONDS))
            rate = self.question_rate * (1 + growth * risen)
            yield self.env.timeout(self.random.expovariate(rate))
            self.counts.asked += 1
            if not self.api.take():
                self.counts.refused += 1
            elif (cold := self.ask.start()) is None:
                self.counts.throttled += 1
            else:
                self._question(cold)

    def _question(self, cold: float) -> None:
        """Run an invocation whose cold start takes `cold` seconds."""
        counts, costs, user = self.counts, self.costs, self._user()
        counts.cold_starts += cold > 0
        counts.most_running = max(counts.most_running, self.ask.running)
        counts.most_in_account = max(counts.most_in_account, self.account.running)
        drawn = self.random.random()
        if drawn < costs.avoided and not self.stormy(user):
            self._use(user, costs.hit_units)
            mean = costs.hit_seconds if drawn < costs.exact else costs.match_seconds
            self._answer(cold + lognormal(self.random, mean, JITTER))
            return
        self._use(user, costs.miss_units)
        seconds = cold + costs.miss_seconds - costs.model_seconds
        if (call := self.model.call()) is None:
            counts.fallbacks += 1
            self._answer(seconds)
        else:
            counts.generations += 1
            self._answer(seconds + call.seconds, call)

    def _answer(self, seconds: float, call: ModelCall | None = None) -> None:
        """End the invocation after `seconds`."""
        self.running += 1
        event = self.env.timeout(seconds)
        assert event.callbacks is not None  # it is not processed yet
        event.callbacks.append(partial(self._answered, self.ask, self.env.now, call))

    def _answered(
        self, function: LambdaFunction, began: float, call: ModelCall | None, _: Event
    ) -> None:
        function.end()
        self.running -= 1
        if call is not None:
            self.model.end(call)
        if call is not None and not call.succeeds:
            self.counts.timed_out += 1
        else:
            self.counts.latencies.append(self.env.now - began)

    def _change_notes(self) -> ProcessGenerator:
        rate = peak(CHANGES_PER_DAY, self.users)
        while True:
            yield self.env.timeout(self.random.expovariate(rate))
            self.changes.send(self._user())

    def _apply_change(self, user: int) -> float:
        self._use(user, self.costs.change_units)
        if user != _IMPORTER and self.random.random() < self.costs.warmed_per_change:
            self.warmings.send(user)
        return lognormal(self.random, self.costs.change_seconds, JITTER)

    def _disturb(self) -> ProcessGenerator:
        scenario = self.scenario
        if scenario.redeployed:
            self.ask = self._function(self.costs.ask_cold_seconds)
        for _ in range(scenario.imported):
            self.changes.send(_IMPORTER)
        if scenario.storm:
            self.stormy = lambda user: user % scenario.storm == 0
            for user in range(0, self.users, scenario.storm):
                self.changes.send(user)
        self.model.factor = scenario.model_factor
        self.model.silent = scenario.silent_seconds > 0
        yield self.env.timeout(scenario.silent_seconds)
        self.model.silent = False

    def _sample(self) -> ProcessGenerator:
        while True:
            yield self.env.timeout(1.0)
            self.counts.running.append(self.ask.running)
            self.counts.slot_units = max(self.counts.slot_units, *self.slots)
            self.slots = [0.0] * PARTITIONS

    def _user(self) -> int:
        """Draw a user; the n-th most active one has an activity of 1 / sqrt(n)."""
        return int(self.users * self.random.random() ** 2)

    def _use(self, user: int, units: float) -> None:
        self.counts.units += units
        self.slots[user * _SPREAD // 1_024 % PARTITIONS] += units

    def _result(self, started: int) -> Result:
        changes = self.changes
        environments = self.ask.environments + self.warm.environments
        of_changes = self.invalidate.environments
        connections = of_changes * min(POOL_CONNECTIONS, changes.largest_batch)
        users, sent, ended = map(np.asarray, (changes.users, changes.sent_at, changes.ended_at))
        counted = (sent >= WARM_UP_SECONDS) & (users != _IMPORTER)
        waiting = [self.env.now - at for user, at in changes.waiting if user != _IMPORTER]
        ends = ended[sent == WARM_UP_SECONDS]
        incomplete = any(at == WARM_UP_SECONDS for _, at in changes.waiting)
        return Result(
            self.counts,
            started,
            environments + of_changes,
            environments + connections,
            change_ages=[*(ended - sent)[counted], *waiting],
            drained=None if incomplete or not ends.size else ends.max() - WARM_UP_SECONDS,
        )
