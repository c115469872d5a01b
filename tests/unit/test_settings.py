"""Settings from environment variables, and the errors of invalid values."""

import math
import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings


def test_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("REDIS_CACHE_URL", "rediss://cache:6380", "redis_url", "rediss://cache:6380"),
        ("CACHE_ENABLED", "False", "cache_enabled", False),
        ("CACHE_QUERY_TTL", "60", "answer_ttl", 60),
        ("CACHE_EMBEDDING_TTL", "61", "embedding_ttl", 61),
        ("CACHE_CONTEXT_TTL", "62", "context_ttl", 62),
        ("CACHE_SIMILARITY_THRESHOLD", "0.9", "similarity_threshold", 0.9),
        ("SEMANTIC_VERIFIER", "none", "semantic_verifier", "none"),
        ("VOCABULARY_PACKS", "none", "vocabulary_packs", "none"),
        ("HF_CHAT_MODEL", " spaces around \n", "chat_model", "spaces around"),
        ("EMBEDDING_MAX_TOKENS", "512", "embedding_max_tokens", 512),
        ("EMBEDDING_QUERY_PREFIX", "query: ", "query_prefix", "query: "),
        ("EMBEDDING_PASSAGE_PREFIX", " \nText: ", "passage_prefix", " \nText: "),
    ],
)
def test_variable_sets_its_field(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_env({variable: text}), field) == value


def test_empty_variable_counts_as_absent() -> None:
    assert Settings.from_env({"CACHE_QUERY_TTL": " "}).answer_ttl == 86_400


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("CACHE_ENABLED", "perhaps", "true or false"),
        ("CACHE_QUERY_TTL", "1.5", "a whole number"),
        ("CACHE_QUERY_TTL", "0", "at least 1"),
        ("CACHE_SIMILARITY_THRESHOLD", "1.01", "at most 1.0"),
        ("CACHE_SIMILARITY_THRESHOLD", "nan", "at least 0.0"),
        ("CACHE_SIMILARITY_THRESHOLD", "high", "a number"),
        ("SEMANTIC_VERIFIER", "guess", "one of none, model"),
        ("REDIS_CACHE_URL", "localhost:6379", "redis://"),
        ("CHUNK_OVERLAP_WORDS", "200", "below CHUNK_WORDS"),
    ],
)
def test_invalid_value_error_names_the_variable_and_a_valid_value(
    variable: str, text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({variable: text})
    assert variable in str(caught.value)
    assert message in str(caught.value)


MODEL_SETTINGS = [each for each in fields(Settings) if each.metadata["variable"].startswith("HF_")]


def llm_name(setting: Field[Any]) -> str:
    variable: str = setting.metadata["variable"]
    return variable.replace("HF_", "LLM_")


@pytest.mark.parametrize("setting", MODEL_SETTINGS, ids=llm_name)
def test_each_model_setting_has_a_second_name(setting: Field[Any]) -> None:
    hf, llm = setting.metadata["variable"], llm_name(setting)
    region = {"AWS_REGION": "r"}
    text, other = ("12", "13") if not isinstance(setting.default, str) else ("a", "b")
    if setting.metadata["http_url"]:
        text, other = "https://a", "https://b"
    settings = Settings.from_env(region | {llm: text})
    assert settings == Settings.from_env(region | {hf: text})
    assert settings == Settings.from_env(region | {llm: text, hf: text})
    assert str(getattr(settings, setting.name)).removesuffix(".0") == text
    with pytest.raises(ConfigurationError, match=f"{hf} and {llm} are two names") as caught:
        Settings.from_env(region | {llm: text, hf: other})
    assert not {text, other} & {*str(caught.value).split()}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"LLM_TIMEOUT": "0"}, "LLM_TIMEOUT must be at least"),
        ({"LLM_TIMEOUT": "soon"}, "LLM_TIMEOUT must be a number"),
        ({"LLM_PROMPT_PRICE": "inf"}, "LLM_PROMPT_PRICE must be at most"),
        ({"HF_COMPLETION_PRICE": "1e400"}, "HF_COMPLETION_PRICE must be at most"),
        ({"LLM_EMBEDDING_DIMENSIONS": "4097"}, "LLM_EMBEDDING_DIMENSIONS must be at most 4096"),
        ({"HF_EMBEDDING_DIMENSIONS": "4097"}, "HF_EMBEDDING_DIMENSIONS must be at most 4096"),
        ({"LLM_TOKEN": "a", "LLM_TOKEN_SECRET": "b"}, "LLM_TOKEN and LLM_TOKEN_SECRET. must not"),
        ({"LLM_TOKEN": "a", "HF_TOKEN_SECRET": "b"}, "LLM_TOKEN and LLM_TOKEN_SECRET. must not"),
        ({"LLM_TOKEN_SECRET": "b"}, "LLM_TOKEN_SECRET. or DATABASE_URL_SECRET is"),
    ],
)
def test_error_names_the_variable_that_is_set(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_env(environ)


def test_equal_numbers_in_two_forms_are_one_value() -> None:
    assert Settings.from_env({"HF_TIMEOUT": "9", "LLM_TIMEOUT": "9.0"}).inference_timeout == 9


IAM = {"REDIS_CACHE_IAM_USER": "u", "REDIS_CACHE_IAM_NAME": "n", "AWS_REGION": "r"}
TLS = {"REDIS_CACHE_URL": "rediss://cache:6379"}
SECRET = {"REDIS_CACHE_PASSWORD_SECRET": "s", "AWS_REGION": "r"}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (IAM, "REDIS_CACHE_URL must begin with rediss://"),
        (IAM | {"REDIS_CACHE_URL": "rediss://u:hush@cache"}, "neither user nor password"),
        (TLS | IAM | {"REDIS_CACHE_IAM_USER": ""}, "both, or neither"),
        (TLS | IAM | {"REDIS_CACHE_IAM_NAME": ""}, "both, or neither"),
        (TLS | IAM | {"AWS_REGION": ""}, "AWS_REGION must be set"),
        (IAM | {"REDIS_CACHE_URL": "rediss://cache?password=hush"}, "neither user nor password"),
        (SECRET | {"REDIS_CACHE_URL": "redis://:hush@cache"}, "neither user nor password"),
        (SECRET | {"REDIS_CACHE_URL": "unix:///socket?password=hush"}, "neither user nor password"),
        (TLS | IAM | SECRET, "REDIS_CACHE_PASSWORD_SECRET and REDIS_CACHE_IAM_USER"),
        (SECRET | {"AWS_REGION": ""}, "AWS_REGION must be set"),
        ({"HF_TOKEN_SECRET": "s"}, "AWS_REGION must be set"),
        ({"DATABASE_URL_SECRET": "s"}, "AWS_REGION must be set"),
        ({"HF_TOKEN": "hush", "HF_TOKEN_SECRET": "s"}, "HF_TOKEN and HF_TOKEN_SECRET"),
        (
            {"DATABASE_URL": "postgresql://hush@h/d", "DATABASE_URL_SECRET": "s"},
            "DATABASE_URL and DATABASE_URL_SECRET",
        ),
    ],
)
def test_contradictory_aws_settings_are_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Settings.from_env(environ)
    assert "hush" not in str(caught.value)
    Settings.from_env(TLS | IAM | {"HF_TOKEN_SECRET": "s", "DATABASE_URL_SECRET": "s"})
    Settings.from_env(SECRET | {"REDIS_CACHE_URL": "redis://cache:6379/1?health_check_interval=9"})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SEMANTIC_JUDGED_SHARE": "0"}, "requires SEMANTIC_JUDGED_SHARE above 0"),
        ({"SEMANTIC_MATCHER": "rules"}, "requires SEMANTIC_MATCHER=model"),
        ({"SEMANTIC_WRONG_TARGET": "1e-17"}, "must be 0 or at least 0.0001, not 1e-17"),
    ],
)
def test_target_of_wrong_hits_requires_judged_hits_and_a_threshold(
    environ: dict[str, str], message: str
) -> None:
    target = {"SEMANTIC_WRONG_TARGET": "0.01"}
    assert Settings.from_env(target).wrong_target == 0.01
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_env(target | environ)


@pytest.mark.parametrize(
    ("environ", "enabled"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_opentelemetry_variables_enable_tracing(environ: dict[str, str], *, enabled: bool) -> None:
    assert Settings.from_env(environ).tracing_enabled is enabled


def test_repr_holds_no_secrets() -> None:
    shown = repr(
        Settings(
            hf_token="hf_canary",
            redis_url="redis://:canary@cache",
            database_url="postgresql://u:canary@db/notes",
            embedding_url="https://u:canary@models/embed",
            chat_url="https://u:canary@models/chat",
        )
    )
    assert "canary" not in shown


@pytest.mark.parametrize(
    "url",
    ["redis://:pa/ss@cache:6379", "redis://:pa#ss@cache", "redis://:pa?ss@cache:1", "redis://["],
)
def test_redis_url_with_unencoded_password_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="%2F") as refusal:
        Settings(redis_url=url)
    assert "pa" not in str(refusal.value).partition(";")[0]
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_documentation_lists_every_variable_with_its_default() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ?(?:`([^`]*)`)?", page, re.MULTILINE))
    defaults = {each.metadata["variable"]: each.default for each in fields(Settings)}
    assert rows.keys() == defaults.keys()
    for variable, shown in rows.items():
        if shown:
            assert Settings.from_env({variable: shown}) == Settings(), variable


@pytest.mark.parametrize(
    "setting",
    [each for each in fields(Settings) if type(each.default) in (int, float)],
    ids=lambda each: each.name,
)
def test_each_number_has_limits_and_its_errors_name_value_and_range(setting: Field[Any]) -> None:
    variable, (low, high) = setting.metadata["variable"], setting.metadata["range"]
    assert low <= setting.default <= high
    outside = {high + 1, low - 1, -(10**30), 10**30}
    if isinstance(setting.default, float):
        outside |= {math.nan, math.inf, -math.inf}
    for value in outside:
        with pytest.raises(ConfigurationError) as caught:
            Settings.from_env({variable: str(value)})
        message = str(caught.value)
        assert message.startswith(f"{variable} must be at ")
        shown = float(message.rpartition(", not ")[2])
        assert shown == float(value) or math.isnan(value)
        assert f"at least {low}" in message
        assert f"at most {high}" in message
    with pytest.raises(ConfigurationError, match="must be a"):
        Settings.from_env({variable: "9" * 5_000 + "x"})


def test_error_quotes_a_long_value_in_part() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"CACHE_QUERY_TTL": "9" * 5_000})
    assert len(str(caught.value)) < 150


HTTP_SETTINGS = [
    each.metadata["variable"] for each in fields(Settings) if each.metadata["http_url"]
]


@pytest.mark.parametrize("variable", HTTP_SETTINGS)
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "must begin with https:// or http://"),
        ("router.huggingface.co/v1", "must begin with https:// or http://"),
        ("localhost:8080/v1", "must begin with https:// or http://"),
        ("ftp://host/x", "must begin with https:// or http://, not with ftp://"),
        ("http://", "names no host"),
        ("https:///v1", "names no host"),
        ("https://user:hush@", "names no host"),
        ("https://host:port/x", "no valid host and port"),
        ("https://host:99999/x", "no valid host and port"),
        ("https://host:0/x", "no valid host and port"),
        ("https://[::1/x", "no valid host and port"),
        ("https://u:hush/word@host/x", "no valid host and port"),
        ("https://ho st/x", "white space"),
        ("https://host/x\ny", "white space"),
    ],
)
def test_invalid_url_is_refused_and_not_quoted(variable: str, url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Settings.from_env({variable: url})
    assert str(caught.value).startswith(variable)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "variable"),
    [("hush\nX: y", "HF_TOKEN"), ("hush\u00e9", "LLM_TOKEN"), ("two hush", "HF_BILL_TO")],
)
def test_value_that_no_http_header_can_hold_is_refused(token: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable} must consist of visible") as caught:
        Settings.from_env({variable: token})
    assert "hush" not in str(caught.value)


def test_prefixes_count_towards_the_tokens_of_questions_and_passages() -> None:
    settings = Settings(
        embedding_max_tokens=512, query_prefix="query: ", passage_prefix="passage: "
    )
    assert (settings.question_max_tokens, settings.passage_max_tokens) == (505, 503)


def test_index_is_bounded_by_what_a_miss_can_read_in_time() -> None:
    assert Settings.from_env({"CACHE_MAX_QUESTIONS": "1000"}).max_questions == 1_000
    with pytest.raises(ConfigurationError, match=r"CACHE_MAX_QUESTIONS.*1,?000"):
        Settings.from_env({"CACHE_MAX_QUESTIONS": "1001"})
