"""The threshold of semantic matches that all containers share, raised after wrong matches.

    {threshold}:<id>:state      the raised threshold; it expires
    {threshold}:<id>:counters   hash: how many matches were judged in the current sample, and how
                                many were wrong

Matches are judged in samples. A sample without more wrong matches than it allows shows, with 97.5 %
confidence, that at most the target share of matches is wrong. With the first wrong match more, the
threshold is raised by half of its distance to 1, and the next sample begins.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.binomial_interval import trials_to_show
from shared.cache import keyspace
from shared.cache.redis.commands import Command, Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Settings

ALLOWED = 2
"""Wrong matches in a sample. More would need a larger sample, and notice an increase later."""

RAISED_SECONDS = 7 * 86_400
_SAMPLE_SECONDS = 90 * 86_400
_COUNT_JUDGEMENT = Script("count_judgement")


class RaisedThreshold:
    """Reads and raises the threshold.

    Implements `shared.cache.redis.commands.RoundTripExtension`: a miss reads the threshold in the
    round trips that it makes anyway.

    Attributes:
        value: the raised threshold when it was last read; 0 if it was not raised.
    """

    def __init__(self, settings: "Settings") -> None:
        self.value = 0.0
        self._configured = settings.similarity_threshold
        self._target = settings.wrong_target
        # A change of the judge, the target or the threshold starts a new sample.
        self._keys = keyspace.shared_state_keys(
            "threshold", f"{settings.chat_model} {self._target} {self._configured}"
        )

    @cached_property
    def sample_size(self) -> int:
        """How many matches a sample has."""
        return trials_to_show(self._target, ALLOWED)

    @property
    def sample_key(self) -> str:
        """The key of the current sample."""
        return self._keys.counters

    def commands(self) -> list[Command]:
        """Return the command that reads the threshold; none without a target."""
        return [Command.of("GET", self._keys.state, optional=True)] if self._target else []

    def receive(self, replies: "Sequence[Any]") -> None:
        """Apply what Redis returned."""
        for reply in replies:
            self.value = _parse(reply)

    def count_commands(self, *, wrong: bool) -> list[Command]:
        """Return the command that counts a judged match; none without a target.

        Its reply is the threshold if this judgement raised it, else None.
        """
        if not self._target:
            return []
        call = _COUNT_JUDGEMENT.call(
            [self._keys.state, self.sample_key],
            *(int(wrong), self.sample_size, ALLOWED),
            *(str(self._configured), RAISED_SECONDS, _SAMPLE_SECONDS),
        )
        return [call]


def _parse(reply: bytes | None) -> float:
    """Return a threshold; 0 for none or a foreign value."""
    try:
        value = float(reply or 0)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
