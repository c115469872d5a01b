"""`tercet stats`: a table for people, JSON for programs, and a watch that ends with Ctrl-C."""

import json
import signal
from pathlib import Path

import pytest

from functions.stats.forms import CacheStats
from tests.support.command import Tercet, started


@pytest.fixture
def data(tmp_path: Path, tercet: Tercet) -> Path:
    """A data folder in which one question was asked three times."""
    folder, note = tmp_path / "data", tmp_path / "faith.md"
    note.write_text("# Faith\n\nFaith is being sure of what we hope for.\n")
    done = tercet("notes", "import", note, "--data", folder)
    assert done.exit_code == 0, done.output
    for _ in range(3):
        assert tercet("ask", "What is faith?", "--data", folder).exit_code == 0
    return folder


def test_the_table_tells_what_was_asked_and_avoided(tercet: Tercet, data: Path) -> None:
    done = tercet("stats", "--days", "2", "--data", data)
    assert done.exit_code == 0, done.output
    rows = {line[:24].strip(): line[24:].split() for line in done.stdout.splitlines()}
    assert rows["questions"] == ["3", "3", "0"]
    assert rows["answers avoided"] == ["66.7%", "66.7%", "-"]
    assert rows["by the same question"] == ["2", "2", "0"]
    assert rows["answers cached now"] == ["1"]


def test_json_is_what_the_function_tells(tercet: Tercet, data: Path) -> None:
    """Each process wrote, when it ended, what it could not count before."""
    done = tercet("stats", "--json", "--days", "1", "--data", data)
    body = CacheStats.model_validate(json.loads(done.stdout))
    assert (body.l1_query.total_hits, body.l1_query.total_entries) == (2, 1)
    assert body.latency_ms["exact"].count == 2
    assert body.days is not None
    assert [day.total_requests for day in body.days] == [3]


@pytest.mark.parametrize("days", ["0", "91"])
def test_days_out_of_range_are_wrong_usage(tercet: Tercet, tmp_path: Path, days: str) -> None:
    assert tercet("stats", "--days", days, "--data", tmp_path).exit_code == 2


def test_a_watch_shows_the_table_and_ends_quietly_with_ctrl_c(data: Path) -> None:
    process = started("stats", "--watch", "--data", data)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "memory of Redis" in line:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
