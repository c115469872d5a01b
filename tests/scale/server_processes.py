"""The load test as a queueing model: each server process computes for one question at a time."""

from collections.abc import Mapping
from random import Random

from simpy import Environment, Resource
from simpy.events import ProcessGenerator

from tests.load import ANSWER_SECONDS, EMBEDDING_SECONDS, SERVERS, SPAWN_RATE, WAIT_SECONDS

CALLS = {
    "exact": (),
    "semantic": (EMBEDDING_SECONDS,),
    "miss": (EMBEDDING_SECONDS, ANSWER_SECONDS),
}
"""The seconds that each outcome waits for models."""


def simulate_load(
    users: int,
    seconds: float,
    computing: Mapping[str, float],
    shares: Mapping[str, float],
    *,
    seed: int = 1,
) -> dict[str, list[float]]:
    """Simulate users who ask, wait for the answer, pause and ask again.

    Args:
        users: the number of users; they start one after the other.
        seconds: when the last questions are asked.
        computing: seconds that a server computes for a question, by outcome.
        shares: the share of each outcome.
        seed: of the random numbers.

    Returns:
        The latencies in seconds, by outcome.
    """
    env, random = Environment(), Random(seed)
    servers = [Resource(env) for _ in range(SERVERS)]
    latencies: dict[str, list[float]] = {outcome: [] for outcome in CALLS}

    def answer(server: Resource, outcome: str) -> ProcessGenerator:
        calls = CALLS[outcome]
        slice_seconds = computing[outcome] / (1 + len(calls))
        for wait in (*calls, 0.0):
            with server.request() as turn:
                yield turn
                yield env.timeout(slice_seconds)
            yield env.timeout(wait)

    def user(number: int) -> ProcessGenerator:
        yield env.timeout(number / SPAWN_RATE)
        while env.now < seconds:
            (outcome,) = random.choices(list(shares), list(shares.values()))
            began = env.now
            yield from answer(servers[number % SERVERS], outcome)
            latencies[outcome].append(env.now - began)
            yield env.timeout(random.uniform(*WAIT_SECONDS))

    for number in range(users):
        env.process(user(number))
    env.run()
    return latencies
