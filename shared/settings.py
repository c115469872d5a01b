"""Settings of the process, read from environment variables.

A plain dataclass: a pydantic model would add pydantic to the import time of `invalidate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from shared.cache.redis.url import DEFAULT_PORT, parse_redis_url, read_redis_address
from shared.errors import ConfigurationError
from shared.local_day import load_time_zone
from shared.matching_settings import MatchingSettings
from shared.notes.database_url import check_database_url, is_postgres
from shared.urls import check_base_path, check_http_url, split_origins
from shared.variables import check_limits, read_variables, setting

_DIMENSIONS = 384  # of all-MiniLM-L6-v2
_MIN_TOKENS = 32
_DATABASE_URL = "sqlite:///.tercet/notes.db"
_MAX_TTL = 31_536_000  # a year
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(MatchingSettings):
    """Settings of a container. Times are in seconds unless stated otherwise.

    Fields that may hold a secret are not in `repr`.

    Raises:
        ConfigurationError: a value is out of its range, or two values contradict each other.
    """

    # Cache
    redis_url: str = setting("REDIS_CACHE_URL", "redis://localhost:6379/1", secret=True)
    redis_host: str = setting("REDIS_CACHE_HOST", "localhost")
    redis_port: int = setting("REDIS_CACHE_PORT", DEFAULT_PORT, at_least=1, at_most=65_535)
    """Host and port are used if there is no REDIS_CACHE_URL."""
    redis_cluster: bool = setting("REDIS_CACHE_CLUSTER", default=False)
    redis_iam_user: str = setting("REDIS_CACHE_IAM_USER", "")
    redis_iam_name: str = setting("REDIS_CACHE_IAM_NAME", "")
    redis_password_secret: str = setting("REDIS_CACHE_PASSWORD_SECRET", "")
    redis_timeout: float = setting("REDIS_CACHE_TIMEOUT", 0.08, at_least=0.001, at_most=5)
    redis_connections: int = setting("REDIS_CACHE_CONNECTIONS", 50, at_least=1, at_most=1000)
    redis_replicas: int = setting("REDIS_CACHE_REPLICAS", 0, at_least=0, at_most=5)
    """Replicas that must have an invalidation before it is acknowledged."""
    cache_enabled: bool = setting("CACHE_ENABLED", default=True)
    answer_ttl: int = setting("CACHE_QUERY_TTL", 86_400, at_least=1, at_most=_MAX_TTL)
    answer_ttl_max: int = setting("CACHE_QUERY_TTL_MAX", 604_800, at_least=0, at_most=_MAX_TTL)
    embedding_ttl: int = setting("CACHE_EMBEDDING_TTL", 604_800, at_least=1, at_most=_MAX_TTL)
    embeddings_per_user: bool = setting("CACHE_EMBEDDINGS_PER_USER", default=False)
    """Whether each user has their own L2 cache, instead of one for all users."""
    context_ttl: int = setting("CACHE_CONTEXT_TTL", 3_600, at_least=1, at_most=_MAX_TTL)
    stale_if_error_seconds: int = setting(
        "CACHE_STALE_IF_ERROR_SECONDS", 21_600, at_least=0, at_most=2_592_000
    )
    """How long an expired answer may still be served while the language model fails (RFC 5861)."""
    max_questions: int = setting("CACHE_MAX_QUESTIONS", 1_000, at_least=1, at_most=1_000)

    # Models
    hf_token: str = setting("HF_TOKEN", "", header=True, secret=True)
    hf_token_secret: str = setting("HF_TOKEN_SECRET", "")
    hf_bill_to: str = setting("HF_BILL_TO", "", header=True)
    embedding_url: str = setting(
        "HF_EMBEDDING_URL",
        "https://router.huggingface.co/hf-inference/models/"
        "sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction",
        http_url=True,
        secret=True,
    )
    embedding_model: str = setting("HF_EMBEDDING_MODEL", "sentence-transformers/all-MiniLM-L6-v2")
    embedding_dimensions: int = setting(
        "HF_EMBEDDING_DIMENSIONS", _DIMENSIONS, at_least=1, at_most=4096
    )
    embedding_max_tokens: int = setting(
        "EMBEDDING_MAX_TOKENS", 256, at_least=_MIN_TOKENS, at_most=1_000_000
    )
    """The most tokens that the embedding model takes; the rest of a longer text is not embedded."""
    unrelated_cosine: float = setting("EMBEDDING_UNRELATED_COSINE", 0.0, at_least=0, at_most=0.95)
    """The cosine that the embedding model gives texts that have nothing in common."""
    embedding_multilingual: bool = setting("EMBEDDING_MULTILINGUAL", default=False)
    """Whether the embedding model knows other languages than English."""
    query_prefix: str = setting("EMBEDDING_QUERY_PREFIX", "", verbatim=True)
    passage_prefix: str = setting("EMBEDDING_PASSAGE_PREFIX", "", verbatim=True)
    """What the embedding model expects before each question and each passage of a note."""
    chat_url: str = setting(
        "HF_CHAT_URL",
        "https://router.huggingface.co/v1/chat/completions",
        http_url=True,
        secret=True,
    )
    chat_model: str = setting("HF_CHAT_MODEL", "meta-llama/Llama-3.1-8B-Instruct")
    reasoning_effort: str = setting("HF_REASONING_EFFORT", "")
    """Sent as `reasoning_effort` where set, for example `low`."""
    reasoning_without_opening_tag: bool = setting("REASONING_WITHOUT_OPENING_TAG", default=False)
    """Whether answers may begin with reasoning without a tag: streams begin after its end."""
    prompt_price: float = setting("HF_PROMPT_PRICE", 0.10, at_least=0, at_most=1e6)
    """US dollars per million prompt tokens."""
    completion_price: float = setting("HF_COMPLETION_PRICE", 0.10, at_least=0, at_most=1e6)
    """US dollars per million completion tokens."""
    inference_timeout: float = setting("HF_TIMEOUT", 22.0, at_least=0.1, at_most=900)
    """For all model calls of one request; API Gateway times out after 30 seconds."""

    breaker_failure_rate: float = setting("BREAKER_FAILURE_RATE", 0.5, at_least=0.01, at_most=1)
    """Share of failed calls in the window that opens a model's circuit breaker."""
    breaker_min_calls: int = setting("BREAKER_MIN_CALLS", 5, at_least=1, at_most=1_000_000_000)
    breaker_window: float = setting("BREAKER_WINDOW", 30.0, at_least=1, at_most=3_600)
    breaker_open_seconds: float = setting("BREAKER_OPEN_SECONDS", 15.0, at_least=0.1, at_most=3_600)
    extractive_fallback: bool = setting("EXTRACTIVE_FALLBACK", default=True)
    """Whether sentences quoted from the notes are the answer while the breaker is open."""

    # Notes and prompts
    database_url: str = setting("DATABASE_URL", _DATABASE_URL, secret=True)
    database_url_secret: str = setting("DATABASE_URL_SECRET", "")
    chunk_words: int = setting("CHUNK_WORDS", 200, at_least=20, at_most=1000)
    chunk_overlap_words: int = setting("CHUNK_OVERLAP_WORDS", 40, at_least=0, at_most=500)
    retrieved_chunks: int = setting("RETRIEVED_CHUNKS", 5, at_least=1, at_most=50)
    context_tokens: int = setting("PROMPT_CONTEXT_TOKENS", 1_200, at_least=100, at_most=1_000_000)
    system_prompt: str = setting("SYSTEM_PROMPT", "")
    """Replaces the beginning of the instructions; the rules on citations and data always follow."""
    answer_tokens: int = setting("ANSWER_MAX_TOKENS", 512, at_least=16, at_most=1_000_000)
    time_zone: str = setting("TIME_ZONE", "UTC")
    """Of the date in the prompt of questions such as "What did I do yesterday?"."""

    # HTTP
    base_path: str = setting("BASE_PATH", "")
    cors_allow_origins: str = setting("CORS_ALLOW_ORIGINS", "")
    """Origins of pages that may call the API, separated by commas."""
    notes_api: bool = setting("NOTES_API", default=False)
    """Whether Tercet owns the notes: users read and change theirs with `/notes`."""

    # Authentication
    jwks_url: str = setting("AUTH_JWKS_URL", "", http_url=True)
    auth_issuer: str = setting("AUTH_ISSUER", "")
    auth_audience: str = setting("AUTH_AUDIENCE", "")
    debezium_columns: str = setting("DEBEZIUM_COLUMNS", "")
    push_subjects: str = setting("PUSH_SUBJECTS", "")
    """`sub` or `email` claims that may push note changes without a scope, separated by commas."""
    local_mode: bool = setting("TERCET_LOCAL", default=False)
    """The user comes from an unverified header; only for requests from this machine."""

    # Platform
    aws_region: str = setting("AWS_REGION", "")

    # Observability
    log_level: str = setting("LOG_LEVEL", "INFO", one_of=_LOG_LEVELS)
    log_questions: bool = setting("LOG_QUESTIONS", default=False)
    otlp_endpoint: str = setting("OTEL_EXPORTER_OTLP_ENDPOINT", "", http_url=True, secret=True)
    otlp_traces_endpoint: str = setting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", http_url=True, secret=True
    )
    traces_exporter: str = setting("OTEL_TRACES_EXPORTER", "")
    otel_disabled: bool = setting("OTEL_SDK_DISABLED", default=False)

    def __post_init__(self) -> None:
        """Check each value, and the values that depend on each other."""
        for each in fields(self):
            check_limits(each, getattr(self, each.name), each.metadata["variable"])
        if self.chunk_overlap_words >= self.chunk_words:
            raise ConfigurationError(
                f"CHUNK_OVERLAP_WORDS ({self.chunk_overlap_words}) must be below"
                f" CHUNK_WORDS ({self.chunk_words})"
            )
        load_time_zone(self.time_zone)
        _check_urls(self)
        _check_secrets(self)
        self.check_generation(cache_enabled=self.cache_enabled, aws_region=self.aws_region)
        self.check_matching()

    @property
    def question_max_tokens(self) -> int:
        """The most tokens of a question that are embedded, after the prefix."""
        return self.embedding_max_tokens - len(self.query_prefix)

    @property
    def answer_parameters(self) -> str:
        """The settings that a generated answer depends on, for cache keys."""
        limits = f"{self.context_tokens} {self.answer_tokens} {self.question_max_tokens}"
        return f"{limits} {self.reasoning_effort} {self.system_prompt}"

    @property
    def passage_max_tokens(self) -> int:
        """The most tokens of a passage of a note, after the prefix."""
        return max(_MIN_TOKENS, self.embedding_max_tokens - len(self.passage_prefix))

    @property
    def tracing_enabled(self) -> bool:
        """Whether OpenTelemetry's own variables enable traces."""
        exporter = self.otlp_endpoint or self.otlp_traces_endpoint or self.traces_exporter
        return bool(exporter) and self.traces_exporter != "none" and not self.otel_disabled

    @property
    def explicit_database_url(self) -> str:
        """DATABASE_URL if it is set, else empty; supplements a secret without an address."""
        return "" if self.database_url == _DATABASE_URL else self.database_url

    @property
    def vendor(self) -> str:
        """`LLM` if a variable `LLM_…` is set, else `HF`: which names errors use."""
        return "LLM" if any(name.startswith("LLM_") for name in self.variables) else "HF"

    @property
    def has_embedding_dimensions(self) -> bool:
        """Whether HF_EMBEDDING_DIMENSIONS is set, so that hosts may be asked for so many."""
        is_set = any(name.endswith("_EMBEDDING_DIMENSIONS") for name in self.variables)
        return is_set or self.embedding_dimensions != _DIMENSIONS

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables; an empty variable counts as absent.

        Each variable `HF_…` may also be named `LLM_…`.

        Raises:
            ConfigurationError: a value has the wrong type, is out of its range or contradicts
                another. The message names the variable, and the value unless it may be secret.
        """
        given, variables = read_variables(fields(cls), environ)
        read_redis_address(given)
        settings = cls(**given)
        settings.remember(variables)
        return settings


def _check_urls(settings: Settings) -> None:
    check_database_url(settings.database_url)
    database, has_credentials = parse_redis_url(settings.redis_url)
    if settings.redis_iam_user and not settings.redis_url.startswith("rediss:"):
        raise ConfigurationError(
            "REDIS_CACHE_URL must begin with rediss:// (TLS) where REDIS_CACHE_IAM_USER is set"
        )
    if has_credentials and (settings.redis_iam_user or settings.redis_password_secret):
        raise ConfigurationError(
            "REDIS_CACHE_URL must hold neither user nor password where REDIS_CACHE_IAM_USER or"
            " REDIS_CACHE_PASSWORD_SECRET is set"
        )
    if settings.redis_cluster and database not in (0, 1):  # 1 is the default's
        raise ConfigurationError(
            f"REDIS_CACHE_URL names database {database}, but a cluster only has database 0"
        )
    if "://" in settings.auth_issuer:  # any other text is no URL (RFC 7519)
        check_http_url("AUTH_ISSUER", settings.auth_issuer)
    check_base_path("BASE_PATH", settings.base_path)
    split_origins("CORS_ALLOW_ORIGINS", settings.cors_allow_origins, local=settings.local_mode)
    token_settings = settings.jwks_url, settings.auth_issuer, settings.auth_audience
    if any(token_settings) and not all(token_settings):
        raise ConfigurationError(
            "AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE must be set all, or none"
        )


def _check_secrets(settings: Settings) -> None:
    if bool(settings.redis_iam_user) != bool(settings.redis_iam_name):
        raise ConfigurationError(
            "REDIS_CACHE_IAM_USER and REDIS_CACHE_IAM_NAME must be set both, or neither"
        )
    if settings.redis_password_secret and settings.redis_iam_user:
        raise ConfigurationError(
            "REDIS_CACHE_PASSWORD_SECRET and REDIS_CACHE_IAM_USER must not be set both"
        )
    if settings.hf_token and settings.hf_token_secret:
        raise ConfigurationError(
            "HF_TOKEN and HF_TOKEN_SECRET (or LLM_TOKEN and LLM_TOKEN_SECRET) must not be set both"
        )
    database = settings.explicit_database_url
    is_address = is_postgres(database) and "@" not in database
    if settings.database_url_secret and database and not is_address:
        raise ConfigurationError(
            "DATABASE_URL and DATABASE_URL_SECRET must not be set both, unless the former is"
            " postgresql:// with neither user nor password"
        )
    redis_auth = settings.redis_iam_user or settings.redis_password_secret
    needs_region = redis_auth or settings.hf_token_secret or settings.database_url_secret
    if needs_region and not settings.aws_region:
        raise ConfigurationError(
            "AWS_REGION must be set where REDIS_CACHE_IAM_USER, REDIS_CACHE_PASSWORD_SECRET,"
            " HF_TOKEN_SECRET (LLM_TOKEN_SECRET) or DATABASE_URL_SECRET is"
        )
