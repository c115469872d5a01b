"""Every knob, with its unit and default: `Settings.from_env(os.environ)`."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

from shared.errors import ConfigurationError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_DATABASE_URL = "sqlite:///.tercet/notes.db"


def _knob(
    variable: str,
    default: Any,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """Declare a field that the environment variable `variable` sets."""
    metadata = {
        "variable": variable,
        "at_least": at_least,
        "at_most": at_most,
        "one_of": one_of,
    }
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a container is told from outside. Times are in seconds unless said otherwise.

    Fields that may hold a secret are left out of `repr`.
    """

    # The cache
    redis_url: str = _knob("REDIS_CACHE_URL", "redis://localhost:6379/1", secret=True)
    redis_cluster: bool = _knob("REDIS_CACHE_CLUSTER", default=False)
    redis_iam_user: str = _knob("REDIS_CACHE_IAM_USER", "")
    redis_iam_name: str = _knob("REDIS_CACHE_IAM_NAME", "")
    redis_password_secret: str = _knob("REDIS_CACHE_PASSWORD_SECRET", "")
    redis_timeout: float = _knob("REDIS_CACHE_TIMEOUT", 0.08, at_least=0.001, at_most=5)
    redis_connections: int = _knob("REDIS_CACHE_CONNECTIONS", 50, at_least=1, at_most=1000)
    redis_replicas: int = _knob("REDIS_CACHE_REPLICAS", 0, at_least=0, at_most=5)
    """How many replicas must hold an invalidation before it is acknowledged."""
    cache_enabled: bool = _knob("CACHE_ENABLED", default=True)
    answer_ttl: int = _knob("CACHE_QUERY_TTL", 86_400, at_least=1)
    embedding_ttl: int = _knob("CACHE_EMBEDDING_TTL", 604_800, at_least=1)
    embeddings_per_user: bool = _knob("CACHE_EMBEDDINGS_PER_USER", default=False)
    """Whether embeddings are kept apart for each user, rather than shared by all."""
    context_ttl: int = _knob("CACHE_CONTEXT_TTL", 3_600, at_least=1)
    stale_if_error_seconds: int = _knob(
        "CACHE_STALE_IF_ERROR_SECONDS", 21_600, at_least=0, at_most=2_592_000
    )
    """How long an answer is kept after its time, for when the language model is away."""
    max_questions: int = _knob("CACHE_MAX_QUESTIONS", 500, at_least=1, at_most=10_000)
    """How many cached questions a user may have; the oldest leaves first."""

    # Matching
    similarity_threshold: float = _knob(
        "CACHE_SIMILARITY_THRESHOLD", 0.85, at_least=0.0, at_most=1.0
    )
    semantic_verifier: str = _knob("SEMANTIC_VERIFIER", "model", one_of=("none", "model"))
    vocabulary_packs: str = _knob("VOCABULARY_PACKS", "bible", one_of=("none", "bible"))

    # Models
    hf_token: str = _knob("HF_TOKEN", "", secret=True)
    hf_token_secret: str = _knob("HF_TOKEN_SECRET", "")
    hf_bill_to: str = _knob("HF_BILL_TO", "")
    embedding_url: str = _knob(
        "HF_EMBEDDING_URL",
        "https://router.huggingface.co/hf-inference/models/"
        "sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction",
        secret=True,
    )
    embedding_model: str = _knob("HF_EMBEDDING_MODEL", "sentence-transformers/all-MiniLM-L6-v2")
    embedding_dimensions: int = _knob("HF_EMBEDDING_DIMENSIONS", 384, at_least=1, at_most=1040)
    chat_url: str = _knob(
        "HF_CHAT_URL", "https://router.huggingface.co/v1/chat/completions", secret=True
    )
    chat_model: str = _knob("HF_CHAT_MODEL", "meta-llama/Llama-3.1-8B-Instruct")
    prompt_price: float = _knob("HF_PROMPT_PRICE", 0.10, at_least=0)
    """US dollars for a million tokens, as is the next."""
    completion_price: float = _knob("HF_COMPLETION_PRICE", 0.10, at_least=0)
    inference_timeout: float = _knob("HF_TIMEOUT", 22.0, at_least=0.1, at_most=900)
    """For one request's calls to models together; the gateway gives up at 30."""

    breaker_failure_rate: float = _knob("BREAKER_FAILURE_RATE", 0.5, at_least=0.01, at_most=1)
    """A model is left alone when this share of its last calls failed."""
    breaker_min_calls: int = _knob("BREAKER_MIN_CALLS", 5, at_least=1)
    breaker_window: float = _knob("BREAKER_WINDOW", 30.0, at_least=1, at_most=3_600)
    breaker_open_seconds: float = _knob("BREAKER_OPEN_SECONDS", 15.0, at_least=0.1, at_most=3_600)
    extractive_fallback: bool = _knob("EXTRACTIVE_FALLBACK", default=True)
    """Whether sentences of the notes serve as an answer while the language model is left alone."""

    # Notes and prompts
    database_url: str = _knob("DATABASE_URL", _DATABASE_URL, secret=True)
    database_url_secret: str = _knob("DATABASE_URL_SECRET", "")
    chunk_words: int = _knob("CHUNK_WORDS", 200, at_least=20, at_most=1000)
    chunk_overlap_words: int = _knob("CHUNK_OVERLAP_WORDS", 40, at_least=0, at_most=500)
    retrieved_chunks: int = _knob("RETRIEVED_CHUNKS", 5, at_least=1, at_most=50)
    context_tokens: int = _knob("PROMPT_CONTEXT_TOKENS", 1_200, at_least=100)
    answer_tokens: int = _knob("ANSWER_MAX_TOKENS", 512, at_least=16)

    # Who is asking
    jwks_url: str = _knob("AUTH_JWKS_URL", "")
    auth_issuer: str = _knob("AUTH_ISSUER", "")
    auth_audience: str = _knob("AUTH_AUDIENCE", "")
    push_subjects: str = _knob("PUSH_SUBJECTS", "")
    """Who may push note changes without a scope: claims `sub` or `email`, between commas."""
    local_mode: bool = _knob("TERCET_LOCAL", default=False)
    """The user comes from a header, unverified: for one's own machine alone."""

    # Where it runs
    aws_region: str = _knob("AWS_REGION", "")

    # Telling
    log_level: str = _knob(
        "LOG_LEVEL", "INFO", one_of=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    )
    log_questions: bool = _knob("LOG_QUESTIONS", default=False)
    otlp_endpoint: str = _knob("OTEL_EXPORTER_OTLP_ENDPOINT", "", secret=True)
    otlp_traces_endpoint: str = _knob("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", secret=True)
    traces_exporter: str = _knob("OTEL_TRACES_EXPORTER", "")
    otel_disabled: bool = _knob("OTEL_SDK_DISABLED", default=False)

    def __post_init__(self) -> None:
        """Check what only makes sense together."""
        for knob in fields(self):
            _check(knob, getattr(self, knob.name))
        if self.chunk_overlap_words >= self.chunk_words:
            raise ConfigurationError(
                f"CHUNK_OVERLAP_WORDS ({self.chunk_overlap_words}) must be below"
                f" CHUNK_WORDS ({self.chunk_words})"
            )
        _check_redis_url(self.redis_url)
        _check_aws(self)

    @property
    def tracing_enabled(self) -> bool:
        """Whether OpenTelemetry's own variables ask for traces."""
        asked = self.otlp_endpoint or self.otlp_traces_endpoint or self.traces_exporter
        return bool(asked) and self.traces_exporter != "none" and not self.otel_disabled

    @property
    def explicit_database_url(self) -> str:
        """DATABASE_URL where it is set: beside a secret it tells what the secret does not."""
        return "" if self.database_url == _DATABASE_URL else self.database_url

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables; an empty variable is an absent one.

        Raises:
            ConfigurationError: a value is not of its type or out of its range.
        """
        given = {}
        for knob in fields(cls):
            text = environ.get(knob.metadata["variable"], "").strip()
            if text:
                given[knob.name] = _parse(knob, text)
        return cls(**given)


def _parse(knob: Field[Any], text: str) -> Any:
    variable = knob.metadata["variable"]
    kind: Any = type(knob.default)
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ConfigurationError(f"{variable} must be true or false, not {text!r}")
    try:
        return kind(text)
    except ValueError:
        number = "a whole number" if kind is int else "a number"
        raise ConfigurationError(f"{variable} must be {number}, not {text!r}") from None


def _check_redis_url(text: str) -> None:
    try:
        url = urlsplit(text)
        usable = url.port != 0  # reading it may fail, too
    except ValueError:
        usable = False
    if not usable:
        # What stands there may be the rest of a password, so it is not quoted.
        raise ConfigurationError(
            "REDIS_CACHE_URL names no host and port; a password's special characters are written"
            " as in any URL: / is %2F, # is %23, ? is %3F, @ is %40"
        )
    if url.scheme not in {"redis", "rediss", "unix"}:
        raise ConfigurationError(
            "REDIS_CACHE_URL must begin with redis://, rediss:// (TLS) or unix://"
        )


def _check(knob: Field[Any], value: Any) -> None:
    variable, low, high = (knob.metadata[key] for key in ("variable", "at_least", "at_most"))
    # Written so that NaN, which compares false with everything, is out of range.
    if low is not None and not value >= low:
        raise ConfigurationError(f"{variable} must be at least {low}, not {value}")
    if high is not None and not value <= high:
        raise ConfigurationError(f"{variable} must be at most {high}, not {value}")
    if knob.metadata["one_of"] and value not in knob.metadata["one_of"]:
        allowed = ", ".join(knob.metadata["one_of"])
        raise ConfigurationError(f"{variable} must be one of {allowed}, not {value!r}")


def _is_address(text: str) -> bool:
    return not text or (text.startswith(("postgresql://", "postgres://")) and "@" not in text)


def _names_user(url: SplitResult) -> bool:
    """Whether a URL of Redis holds a user or a password; redis-py takes both as parameters, too."""
    return "@" in url.netloc or not {"username", "password"}.isdisjoint(parse_qs(url.query))


def _check_aws(settings: Settings) -> None:
    if bool(settings.redis_iam_user) != bool(settings.redis_iam_name):
        raise ConfigurationError(
            "REDIS_CACHE_IAM_USER and REDIS_CACHE_IAM_NAME must be set both, or neither"
        )
    url = urlsplit(settings.redis_url)
    if settings.redis_iam_user and (url.scheme != "rediss" or _names_user(url)):
        raise ConfigurationError(
            "REDIS_CACHE_URL must begin with rediss:// (TLS) and hold neither user nor password"
            " where REDIS_CACHE_IAM_USER is set"
        )
    if settings.redis_password_secret and _names_user(url):
        raise ConfigurationError(
            "REDIS_CACHE_URL must hold neither user nor password where"
            " REDIS_CACHE_PASSWORD_SECRET is set: the secret tells them"
        )
    if settings.redis_password_secret and settings.redis_iam_user:
        raise ConfigurationError(
            "REDIS_CACHE_PASSWORD_SECRET and REDIS_CACHE_IAM_USER must not be set both"
        )
    if settings.hf_token and settings.hf_token_secret:
        raise ConfigurationError("HF_TOKEN and HF_TOKEN_SECRET must not be set both")
    if settings.database_url_secret and not _is_address(settings.explicit_database_url):
        raise ConfigurationError(
            "DATABASE_URL and DATABASE_URL_SECRET must not be set both, unless the former is"
            " postgresql:// with neither user nor password"
        )
    named = (
        settings.redis_iam_user,
        settings.redis_password_secret,
        settings.hf_token_secret,
        settings.database_url_secret,
    )
    if any(named) and not settings.aws_region:
        raise ConfigurationError(
            "AWS_REGION must be set where REDIS_CACHE_IAM_USER, REDIS_CACHE_PASSWORD_SECRET,"
            " HF_TOKEN_SECRET or DATABASE_URL_SECRET is"
        )
