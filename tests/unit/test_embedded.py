"""How the local edition combines the environment with its own settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local import embedded
from infra.local.embedded import Model, open_embedded
from shared.errors import ConfigurationError

REDIS = {"REDIS_CACHE_URL": "redis://127.0.0.1:1"}


def test_settings_of_another_embedding_model_are_ignored(tmp_path: Path) -> None:
    environ = {
        "LLM_EMBEDDING_DIMENSIONS": "768",
        "HF_EMBEDDING_MODEL": "another",
        "EMBEDDING_QUERY_PREFIX": "query: ",
        "CACHE_EMBEDDING_TTL": "9",
    }
    with open_embedded(tmp_path, environ=REDIS | environ) as container:
        assert container.question_embedder is container.embedder
        assert container.settings.embedding_dimensions == container.embedder.dimensions == 384
        assert container.settings.embedding_ttl == 9


@pytest.mark.parametrize("variable", ["HF_TOKEN", "LLM_TOKEN", "HF_CHAT_URL", "LLM_CHAT_URL"])
def test_token_or_chat_url_selects_the_language_model(tmp_path: Path, variable: str) -> None:
    environ = {variable: "http://127.0.0.1:1/v1/chat/completions"}
    with open_embedded(tmp_path, environ=REDIS | environ) as container:
        assert container.pipeline.answered_by.startswith(container.settings.chat_model)
    with open_embedded(tmp_path, environ=REDIS) as container:
        assert container.pipeline.answered_by.startswith("extractive")


def test_language_model_without_token_and_url_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="or LLM_TOKEN or LLM_CHAT_URL"),
        open_embedded(tmp_path, model=Model.HUGGINGFACE, environ=REDIS),
    ):
        pass


@pytest.mark.parametrize(
    ("environ", "seconds"), [({}, 120), ({"LLM_TIMEOUT": "30"}, 30), ({"HF_TIMEOUT": "30"}, 30)]
)
def test_local_language_model_replaces_both_names_of_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], seconds: int
) -> None:
    @contextmanager
    def start() -> Iterator[dict[str, str]]:
        yield {"HF_CHAT_URL": "http://127.0.0.1:2/v1/chat/completions", "HF_TOKEN": ""}

    monkeypatch.setattr(embedded, "start_smollm2", start)
    other = {"LLM_CHAT_URL": "http://127.0.0.1:1/v1/chat/completions", "LLM_TOKEN": "sk-a"}
    environ = REDIS | other | environ
    with open_embedded(tmp_path, model=Model.SMOLLM2, environ=environ) as container:
        assert container.settings.chat_url.startswith("http://127.0.0.1:2/")
        assert container.settings.hf_token == ""
        assert container.settings.inference_timeout == seconds
