"""Settings of what is generated for a user: the limits of a day, and cache warming."""

from dataclasses import dataclass

from shared.errors import ConfigurationError
from shared.urls import check_http_url
from shared.variables import SetVariables, setting

IN_PROCESS = "in-process"
"""As WARM_QUEUE_URL: the process that applied a note change warms, one that answered judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings(SetVariables):
    """Limits of a user's questions, and which answers are generated again after a note change."""

    user_daily_generations: int = setting("USER_DAILY_GENERATIONS", 0, at_least=0, at_most=10**6)
    """The most answers that one user's questions may generate in a day (UTC); 0 is no limit."""
    user_daily_cost: float = setting("USER_DAILY_COST", 0.0, at_least=0, at_most=1e5)
    """The most US dollars that they may cost in a day; 0 is no limit."""

    warming: str = setting("CACHE_WARMING", "popular", one_of=("off", "popular", "all"))
    warm_min_hits: int = setting("WARM_MIN_HITS", 0, at_least=0, at_most=1_000_000)
    """The least `Entry.popularity` of a dropped answer that is generated again with `popular`."""
    warm_max_per_change: int = setting("WARM_MAX_PER_CHANGE", 20, at_least=1, at_most=100)
    """The most questions that one note change makes pending."""
    warm_daily_budget: int = setting("WARM_DAILY_BUDGET", 50, at_least=1, at_most=1_000_000)
    """The most answers that warming generates for one user in a day (UTC)."""
    warm_queue_url: str = setting("WARM_QUEUE_URL", "")
    """URL of an SQS queue, or `in-process`; without it no answer is generated again."""

    @property
    def has_warm_queue(self) -> bool:
        """Whether a queue passes the requests on."""
        return self.warm_queue_url not in {"", IN_PROCESS}

    def check_generation(self, *, cache_enabled: bool, aws_region: str) -> None:
        """Check the values that depend on others.

        Raises:
            ConfigurationError: limits without a cache, or a queue without a valid URL or a region.
        """
        if (self.user_daily_generations or self.user_daily_cost) and not cache_enabled:
            raise ConfigurationError(
                "USER_DAILY_GENERATIONS and USER_DAILY_COST count in the cache: they require"
                " CACHE_ENABLED=true"
            )
        if not self.has_warm_queue:
            return
        check_http_url("WARM_QUEUE_URL", self.warm_queue_url)
        if not aws_region:
            raise ConfigurationError(
                "AWS_REGION must be set where WARM_QUEUE_URL is the URL of a queue"
            )
