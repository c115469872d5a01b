"""What worlds are drawn from: each climate makes other accidents likely."""

from dataclasses import dataclass
from typing import TypeAlias

Choices: TypeAlias = tuple[float, ...]
"""Equally likely values."""


@dataclass(frozen=True, slots=True)
class Climate:
    """`faults` and `speechless` are shares: of uses of a port that fail, and of answers."""

    faults: Choices = (0.0, 0.0, 0.03, 0.1)
    speechless: Choices = (0.0, 0.3)
    turns: tuple[tuple[int, ...], ...] = ((0, 1), (1,), (0, 0, 1, 2, 12), (0, 0, 0, 0, 30))
    """How many turns an effect, or its reply, may let pass."""
    paused: Choices = ()
    """How often the model is left alone, so that an answer whose time is up will do."""
    agers: tuple[int, ...] = ()
    """How often so much time passes that every answer's time is up."""
    evictors: tuple[int, ...] = (0, 1)
    owners: tuple[int, ...] = (1, 2, 3)
    users: tuple[int, ...] = (1, 1, 1, 2)
    wordings: tuple[int, ...] = (1, 2)
    """How many questions mean the same."""
    crowds: tuple[int, ...] = (1, 1, 1, 3)
    """How many ask the same at about the same time."""
    asked_before: float = 0.6
    """Which share of the questions is cached when the world begins."""
    words: tuple[int, ...] = (2, 4, 6)
    """How many words the notes are made of."""
    unasked: bool = False
    """Whether the notes speak only of what nobody asks: cosines are low."""
    deaths: tuple[int, ...] = ()
    """How often Redis dies, and comes back some time later."""
    repeated: float = 0.0
    """Which share of the commands is carried out twice, since the first reply was lost."""
    plain: bool = False
    """Whether nothing is there at first that one wording finds better than the other."""


MIXED = Climate()
CALM = Climate(faults=(0.0,), speechless=(0.0,), evictors=(0,), users=(1,))
COLD = Climate(faults=(0.0,), speechless=(0.0,), evictors=(0,), users=(1,), asked_before=0.1)
CONTEXTS = Climate(faults=(0.0,), speechless=(0.6,), evictors=(0,), users=(1,), asked_before=1)
EVICTIONS = Climate(faults=(0.0,), speechless=(0.5,), evictors=(1, 2), users=(1,), asked_before=1)
ALIASES = Climate(
    faults=(0.0,), speechless=(0.0,), users=(1,), wordings=(2,), words=(1,), plain=True
)
WORN = Climate(
    faults=(0.0,), speechless=(0.0,), users=(1,), wordings=(2,), asked_before=0.8, words=(1, 1, 2)
)
LOW = Climate(faults=(0.0,), evictors=(0,), users=(1,), wordings=(1,), asked_before=1, unasked=True)
FAULTS = Climate(faults=(0.05, 0.1), users=(1,))
PAUSES = Climate(
    faults=(0.0, 0.03),
    speechless=(0.0,),
    paused=(0.5, 0.9),
    agers=(1, 2),
    users=(1,),
    asked_before=1,
)
CROWDS = Climate(
    faults=(0.0,), evictors=(0,), users=(1,), wordings=(1,), crowds=(3, 6, 9), asked_before=0.9
)

DEATHS = Climate(
    faults=(0.0, 0.05), deaths=(1, 2, 4), repeated=0.1, turns=((0, 1), (0, 0, 1, 2, 12))
)

CLIMATES = (MIXED, CALM, COLD, CONTEXTS, EVICTIONS, ALIASES, WORN, LOW, FAULTS, PAUSES, CROWDS)
"""A world's seed says which is its own: seed modulo their number. `DEATHS` has worlds apart."""


def seeds(climate: Climate, count: int) -> range:
    """The first seeds of a climate's worlds."""
    return range(CLIMATES.index(climate), count * len(CLIMATES), len(CLIMATES))
