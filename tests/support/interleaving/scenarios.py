"""Parameters of worlds: each scenario makes other events likely."""

from dataclasses import dataclass, replace
from typing import TypeAlias

Choices: TypeAlias = tuple[float, ...]
"""Equally likely values."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`faults`: share of port calls that fail. `refusing`: share of generations that fail."""

    faults: Choices = (0.0, 0.0, 0.03, 0.1)
    refusing: Choices = (0.0, 0.3)
    yields: tuple[tuple[int, ...], ...] = ((0, 1), (1,), (0, 0, 1, 2, 12), (0, 0, 0, 0, 30))
    """How many times a call yields before its effect, or before its reply."""
    circuit_open: Choices = ()
    """How often the circuit is open, so that an expired answer is served."""
    expirers: tuple[int, ...] = ()
    """How often the time moves so far that every answer expires."""
    evictors: tuple[int, ...] = (0, 1)
    writers: tuple[int, ...] = (1, 2, 3)
    users: tuple[int, ...] = (1, 1, 1, 2)
    phrasings: tuple[int, ...] = (1, 2)
    """How many questions are equivalent."""
    concurrent: tuple[int, ...] = (1, 1, 1, 3)
    """How many equal requests are sent at about the same time."""
    cached_share: float = 0.6
    """Share of the questions that are cached at the start."""
    words: tuple[int, ...] = (2, 4, 6)
    """How many different words the notes have."""
    low_cosines: bool = False
    """Whether the notes hold no word of a question, so that cosines are low."""
    restarts: tuple[int, ...] = ()
    """How often Redis stops and restarts later."""
    failovers: tuple[int, ...] = ()
    """How often Redis fails over to a replica that may lack its last writes."""
    store_failovers: tuple[int, ...] = ()
    """How often the note store rejects writes, or everything, for a while."""
    resent: float = 0.0
    """Share of the commands that run twice because the first reply was lost."""
    healthy: bool = False
    """Whether nothing changes or fails, so that each question is generated once."""
    feedback: float = 0.0
    """Share of the semantic hits that their user reports as wrong."""
    refused_texts: float = 0.0
    """Share of the texts that the embedding model always refuses."""
    future_times: float = 0.0
    """Share of the texts whose message has a time that is far ahead."""
    deliveries: tuple[int, ...] = (1, 1, 1, 2)
    """How often the queue delivers a message, at different times."""
    same_texts: float = 0.0
    """Share of the changes that keep the note's text; its title may change."""
    sequenced: bool = False
    """Whether changes have a sequence, and times of clocks that disagree."""
    streaming: float = 0.0
    """Share of the requests whose client reads the text while it is generated."""
    disconnects: float = 0.0
    """Share of these clients that leave before the end."""
    uninterrupted: bool = False
    """Whether each client that stays must get its answer."""
    timeouts: tuple[int, ...] = ()
    """How often the time moves so far that every request in progress times out."""
    incomplete: float = 0.0
    """Share of the generations that end in the middle of the answer."""
    follow_ups: float = 0.0
    """Share of the requests whose question is the last turn of a conversation."""
    tags: bool = False
    """Whether notes and questions have tags."""
    warming: bool = False
    """Whether the questions of dropped answers are asked again in the background."""
    plain: bool = False
    """Whether the first notes are equally similar to all equivalent questions."""
    growth: bool = False
    """Whether the TTL grows with hits. Questions are asked more often, at very different times."""
    steady: bool = False
    """Whether one request runs at a time, so that the hits of each answer are known."""


MIXED = Scenario()
CALM = Scenario(faults=(0.0,), refusing=(0.0,), evictors=(0,), users=(1,))
EMPTY_CACHE = Scenario(faults=(0.0,), refusing=(0.0,), evictors=(0,), users=(1,), cached_share=0.1)
CONTEXTS = Scenario(faults=(0.0,), refusing=(0.6,), evictors=(0,), users=(1,), cached_share=1)
EVICTIONS = Scenario(faults=(0.0,), refusing=(0.5,), evictors=(1, 2), users=(1,), cached_share=1)
ALIASES = Scenario(
    faults=(0.0,), refusing=(0.0,), users=(1,), phrasings=(2,), words=(1,), plain=True
)
DROPPED_TARGETS = Scenario(
    faults=(0.0,), refusing=(0.0,), users=(1,), phrasings=(2,), cached_share=0.8, words=(1, 1, 2)
)
LOW_COSINES = Scenario(
    faults=(0.0,), evictors=(0,), users=(1,), phrasings=(1,), cached_share=1, low_cosines=True
)
FAULTS = Scenario(faults=(0.05, 0.1), users=(1,))
OPEN_CIRCUITS = Scenario(
    faults=(0.0, 0.03),
    refusing=(0.0,),
    circuit_open=(0.5, 0.9),
    expirers=(1, 2),
    users=(1,),
    cached_share=1,
)
CONCURRENT = Scenario(
    faults=(0.0,), evictors=(0,), users=(1,), phrasings=(1,), concurrent=(3, 6, 9), cached_share=0.9
)
FEEDBACK = Scenario(
    faults=(0.0, 0.0, 0.03),
    evictors=(0,),
    users=(1,),
    phrasings=(2,),
    concurrent=(1, 3, 6),
    cached_share=0.8,
    words=(1, 1, 2),
    feedback=0.5,
    plain=True,
)
STAGGERED = Scenario(
    faults=(0.0,),
    refusing=(0.0,),
    evictors=(0,),
    writers=(0,),
    users=(1,),
    concurrent=(3, 6, 9),
    cached_share=0.0,
    healthy=True,
)

REFUSED_TEXTS = Scenario(
    faults=(0.0, 0.05),
    refusing=(0.0,),
    evictors=(0,),
    users=(1,),
    cached_share=1,
    refused_texts=0.5,
)

FUTURE_TIMES = Scenario(
    faults=(0.0, 0.03), refusing=(0.0,), evictors=(0,), users=(1,), writers=(2, 3), future_times=0.4
)

SEQUENCED = Scenario(
    faults=(0.0, 0.03), refusing=(0.0,), evictors=(0,), users=(1,), writers=(2, 3), sequenced=True
)

DUPLICATES = Scenario(
    faults=(0.0,),
    refusing=(0.0, 0.3),
    evictors=(0,),
    users=(1,),
    cached_share=1,
    deliveries=(1, 2, 3),
    same_texts=0.5,
)

TAGS = Scenario(same_texts=0.5, tags=True)
CALM_TAGS = Scenario(
    faults=(0.0,),
    refusing=(0.0,),
    evictors=(0,),
    users=(1,),
    concurrent=(1, 3, 6),
    same_texts=0.5,
    tags=True,
)

WARMING = Scenario(
    faults=(0.0, 0.0, 0.03),
    refusing=(0.0, 0.0, 0.3),
    evictors=(0,),
    users=(1,),
    cached_share=1,
    warming=True,
)

REDIS_FAILOVERS = Scenario(
    faults=(0.0, 0.03), refusing=(0.0,), users=(1,), feedback=0.5, plain=True, failovers=(1, 2, 3)
)

STORE_FAILOVERS = Scenario(
    faults=(0.0,), refusing=(0.0,), users=(1,), cached_share=1, store_failovers=(1, 2)
)

CONVERSATIONS = Scenario(
    faults=(0.0, 0.03, 0.1),
    phrasings=(1,),
    concurrent=(1, 1, 3, 6),
    cached_share=0.3,
    follow_ups=0.7,
)

REDIS_RESTARTS = Scenario(
    faults=(0.0, 0.05), restarts=(1, 2, 4), resent=0.1, yields=((0, 1), (0, 0, 1, 2, 12))
)

STREAMING = Scenario(
    faults=(0.0,),
    refusing=(0.0,),
    evictors=(0,),
    users=(1,),
    phrasings=(1,),
    concurrent=(1, 3, 6),
    cached_share=0.2,
    streaming=0.8,
    disconnects=0.4,
    uninterrupted=True,
)
STREAMING_FAULTS = Scenario(
    faults=(0.0, 0.03, 0.1),
    users=(1,),
    concurrent=(1, 3, 6),
    cached_share=0.2,
    streaming=0.6,
    disconnects=0.4,
    timeouts=(0, 1, 2),
    incomplete=0.2,
)

GROWTH = Scenario(
    faults=(0.0,), refusing=(0.0,), evictors=(0,), users=(1,), writers=(0, 1, 2), growth=True
)
STEADY_GROWTH = Scenario(
    faults=(0.0,),
    refusing=(0.0,),
    evictors=(0,),
    writers=(0,),
    users=(1,),
    concurrent=(1,),
    plain=True,
    growth=True,
    steady=True,
)

WARMED_GROWTH = replace(GROWTH, writers=(1, 2, 3), cached_share=1, warming=True)

SCENARIOS = (
    MIXED,
    CALM,
    EMPTY_CACHE,
    CONTEXTS,
    EVICTIONS,
    ALIASES,
    DROPPED_TARGETS,
    LOW_COSINES,
    FAULTS,
    OPEN_CIRCUITS,
    CONCURRENT,
    STAGGERED,
    FEEDBACK,
    FUTURE_TIMES,
    DUPLICATES,
    TAGS,
    REDIS_FAILOVERS,
    STORE_FAILOVERS,
    WARMING,
    GROWTH,
    STEADY_GROWTH,
)
"""The scenarios of worlds that are given none. The others are used separately."""


def scenario_of(seed: int) -> Scenario:
    """Return a world's scenario, by its seed. Every second world of GROWTH also warms."""
    scenario = SCENARIOS[seed % len(SCENARIOS)]
    is_odd = seed // len(SCENARIOS) % 2
    return WARMED_GROWTH if scenario is GROWTH and is_odd else scenario


def seeds(scenario: Scenario, count: int) -> range:
    """Return the first seeds of a scenario."""
    first = SCENARIOS.index(scenario) if scenario in SCENARIOS else 0
    return range(first, count * len(SCENARIOS), len(SCENARIOS))
