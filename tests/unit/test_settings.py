"""Settings come from the environment, and a value that makes no sense is named."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings


def test_defaults_are_those_of_an_empty_environment() -> None:
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
    ],
)
def test_a_variable_sets_its_field(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_env({variable: text}), field) == value


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Settings.from_env({"CACHE_QUERY_TTL": " "}).answer_ttl == 86_400


@pytest.mark.parametrize(
    ("variable", "text", "said"),
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
def test_a_value_that_makes_no_sense_is_named_with_what_would_be_right(
    variable: str, text: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({variable: text})
    assert variable in str(caught.value)
    assert said in str(caught.value)


def test_secrets_are_not_in_repr() -> None:
    shown = repr(
        Settings(
            hf_token="hf_secret",
            redis_url="redis://:secret@cache",
            database_url="postgresql://u:secret@db/notes",
        )
    )
    assert "secret" not in shown


def test_the_documentation_names_every_variable_with_its_default() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ?(?:`([^`]*)`)?", page, re.MULTILINE))
    knobs = {knob.metadata["variable"]: knob.default for knob in fields(Settings)}
    assert rows.keys() == knobs.keys()
    for variable, shown in rows.items():
        if shown:
            assert Settings.from_env({variable: shown}) == Settings(), variable
