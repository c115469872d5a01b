"""A cold start imports nothing that an exact hit does not need."""

import json
import subprocess
import sys

import pytest

_PAIR_MODEL = "shared.matching.pair_model.model"
_STAND_ALONE = "shared.text.standalone"
LATER = [
    *("numpy", "httpx", "redis", "asyncpg", "aiosqlite", "sqlite3", "jwt", "cryptography"),
    *("boto3", "zstandard", "msgpack", "pydantic.v1", "shared.vectors"),
    *("functions.http.documentation", "functions.ask.documentation", "functions.http.static_page"),
    *("shared.aws.secrets", "shared.cache.redis.password_auth", _PAIR_MODEL, _STAND_ALONE),
]


def loaded_by(statement: str) -> list[str]:
    """Return the modules of `LATER` that a new interpreter has loaded after a statement."""
    code = f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(json.loads(run.stdout))
    return [name for name in LATER if name in modules]


@pytest.mark.parametrize("module", ["functions.ask.handler", "functions.ask.app"])
def test_importing_a_function_loads_no_client_library(module: str) -> None:
    assert loaded_by(f"import {module}") == []


@pytest.mark.parametrize(
    "module",
    ["shared.cache.redis.iam_auth", "shared.cache.redis.password_auth", "shared.aws.secrets"],
)
def test_redis_authentication_and_secrets_do_not_load_the_sdk(module: str) -> None:
    assert "boto3" not in loaded_by(f"import {module}")


@pytest.mark.parametrize("name", ["", "secret"])
def test_sdk_is_loaded_at_start_only_if_the_redis_password_is_a_secret(
    name: str,
) -> None:
    """Loading the SDK takes longer than the time-out of Redis."""
    given = {"REDIS_CACHE_PASSWORD_SECRET": name, "AWS_REGION": "eu-central-1"}
    loaded = loaded_by(
        f"import os; os.environ |= {given}; from functions.bootstrap import open_container;"
        " open_container().redis_client"
    )
    expected = {"boto3", "shared.aws.secrets", "shared.cache.redis.password_auth"}
    assert expected & set(loaded) == (expected if name else set())


def test_matcher_imports_the_pair_model_only_for_a_candidate() -> None:
    create = (
        "from shared.semantic_match import SemanticMatcher, pair_model_loader;"
        "from shared.settings import Settings; settings = Settings(semantic_matcher='model');"
        "load_model = pair_model_loader(settings); SemanticMatcher(settings, None, load_model)"
    )
    assert _PAIR_MODEL not in loaded_by(create)
    assert _PAIR_MODEL in loaded_by(f"{create}; load_model()")


@pytest.mark.parametrize("history", ["()", "[Turn('user', 'What is faith?')]"], ids=["none", "one"])
def test_patterns_of_follow_ups_are_loaded_only_with_a_history(history: str) -> None:
    loaded = loaded_by(
        "import asyncio; from shared.conversation import Turn;"
        " from shared.container import Container; from shared.question import Request;"
        " from shared.settings import Settings;"
        f" request = Request('ann', 'What is hope?', history={history});"
        " asyncio.run(Container(Settings()).question_resolver.resolve(request))"
    )
    assert (_STAND_ALONE in loaded) == (history != "()")


def test_loaded_by_detects_a_loaded_module() -> None:
    assert "redis" in loaded_by("import shared.cache.redis.factory")


@pytest.mark.parametrize(
    ("url", "absent"), [("sqlite:///n.db", "asyncpg"), ("postgres://h/d", "aiosqlite")]
)
def test_note_store_does_not_import_the_other_driver(url: str, absent: str) -> None:
    program = (
        "import sys; from shared.notes.embedding_profile import EmbeddingProfile;"
        "from shared.notes.factory import create_note_store;"
        f"create_note_store({url!r}, EmbeddingProfile('model', 8));"
        f"sys.exit({absent!r} in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
