"""Settings of semantic matches."""

from dataclasses import dataclass

from shared.errors import ConfigurationError
from shared.generation_settings import GenerationSettings
from shared.variables import setting

_LEAST_TARGET = 0.0001
"""Takes a sample of 72,245 judged matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingSettings(GenerationSettings):
    """How a cached question is matched, and how matches are judged."""

    semantic_matcher: str = setting("SEMANTIC_MATCHER", "model", one_of=("model", "rules", "off"))
    candidate_cosine: float = setting("CACHE_CANDIDATE_COSINE", 0.8, at_least=0.0, at_most=1.0)
    """The least cosine of a semantic match."""
    similarity_threshold: float = setting(
        "CACHE_SIMILARITY_THRESHOLD", 0.85, at_least=0.0, at_most=1.0
    )
    """The least probability, by the pair model, that one answer serves both questions."""
    verifier_from: float = setting("SEMANTIC_VERIFIER_FROM", 0.75, at_least=0.0, at_most=1.0)
    verifier_until: float = setting("SEMANTIC_VERIFIER_UNTIL", 0.9, at_least=0.0, at_most=1.0)
    """The verifier is asked about probabilities from the one to below the other."""
    semantic_verifier: str = setting("SEMANTIC_VERIFIER", "model", one_of=("none", "model"))
    vocabulary_packs: str = setting("VOCABULARY_PACKS", "bible", one_of=("none", "bible"))

    judged_share: float = setting("SEMANTIC_JUDGED_SHARE", 0.02, at_least=0.0, at_most=1.0)
    """Share of the matches that the language model judges after the reply."""
    wrong_target: float = setting("SEMANTIC_WRONG_TARGET", 0.0, at_least=0.0, at_most=0.5)
    """The threshold is raised if more than this share may be wrong; 0 never raises it."""

    def check_matching(self) -> None:
        """Check the values that depend on others.

        Raises:
            ConfigurationError: no match can be judged, or no threshold can be raised.
        """
        if 0 < self.wrong_target < _LEAST_TARGET:
            raise ConfigurationError(
                f"SEMANTIC_WRONG_TARGET must be 0 or at least {_LEAST_TARGET}, not"
                f" {self.wrong_target}: a sample would never be complete"
            )
        if self.wrong_target and not self.judged_share:
            raise ConfigurationError("SEMANTIC_WRONG_TARGET requires SEMANTIC_JUDGED_SHARE above 0")
        if self.wrong_target and self.semantic_matcher != "model":
            raise ConfigurationError(
                "SEMANTIC_WRONG_TARGET requires SEMANTIC_MATCHER=model: other matches have no"
                " threshold"
            )
