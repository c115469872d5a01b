"""`tercet stats`: a table for people, JSON for programs, and a watch that ends with Ctrl-C."""

import json
import shutil
import signal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from functions.stats.schemas import CacheStats
from infra.local.commands.stats import table
from shared import statistics
from shared.cache.counter_reader import CounterReader, EntryCounts
from shared.errors import CacheUnavailableError
from shared.statistics import PeriodStats, StatsSnapshot
from tests.support.command import Tercet, start_tercet, tercet_in_process
from tests.support.days import stay_within_a_day


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which one question was asked three times today."""
    stay_within_a_day(240)
    folder = tmp_path_factory.mktemp("asked")
    data, note = folder / "data", folder / "faith.md"
    note.write_text("# Faith\n\nFaith is being sure of what we hope for.\n")
    with tercet_in_process() as tercet:
        done = tercet("notes", "import", note, "--data", data)
        assert done.exit_code == 0, done.output
        for _ in range(3):
            assert tercet("ask", "What is faith?", "--data", data).exit_code == 0
    return data


@pytest.fixture
def data(tmp_path: Path, asked: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(asked, tmp_path / "data")


def rows_of(text: str) -> dict[str, list[str]]:
    return {line[:24].strip(): line[24:].split() for line in text.splitlines()}


def test_the_table_tells_what_was_asked_and_avoided(tercet: Tercet, data: Path) -> None:
    done = tercet("stats", "--days", "2", "--data", data)
    assert done.exit_code == 0, done.output
    rows = rows_of(done.stdout)
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


def test_the_table_tells_what_went_wrong_and_what_was_held_back() -> None:
    tally = PeriodStats(
        {
            "rejected_by_rules": 3,
            "rejected_by_verifier": 4,
            "rejected_by_sources": 5,
            "stores_refused": 6,
            "outcome_coalesced": 7,
            "cache_unavailable": 8,
            "failed_ms_1000": 9,
            "semantic_ms_50": 100,
            "note_changes": 2,
            "note_change_lag_ms": 300,
        }
    )
    limited = StatsSnapshot(tally, {}, EntryCounts(1, 2, 3), 30_000_000, 40_000_000)
    out = Console(width=80, file=StringIO())
    out.print(table(limited))
    rows = rows_of(out.file.getvalue())  # type: ignore[attr-defined]  # it is a StringIO
    assert rows["waited for the same"] == ["7"]
    assert rows["failed / cache_unavailable"] == ["9", "/", "8"]
    assert rows["another wording"] == ["35.0", "/", "48.5", "ms"]
    assert rows["lag, mean"] == ["150", "ms"]
    assert rows["refused by guard"] == ["3"]
    assert rows["by verifier / sources"] == ["4", "/", "5"]
    assert rows["by a note's change"] == ["6"]
    assert rows["memory of Redis"] == ["30.0", "MB", "of", "40.0", "MB", "(75.0%)"]


def test_a_watch_renews_itself_and_ends_quietly_with_ctrl_c(tercet: Tercet, data: Path) -> None:
    process = start_tercet("stats", "--watch", "--data", data)
    assert process.stdout is not None
    asked = []
    try:
        for line in process.stdout:
            if line.startswith(" questions"):
                asked.append(line.split()[1])
                if len(asked) == 1:
                    assert tercet("ask", "What is faith?", "--data", data).exit_code == 0
                if asked.count("4") == 2:
                    break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert asked[0] == "3"
    assert (process.returncode, errors) == (0, "")


def test_a_watch_in_json_is_a_line_each_time(data: Path) -> None:
    process = start_tercet("stats", "--watch", "--json", "--data", data)
    assert process.stdout is not None
    try:
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert [line["combined"]["total_requests"] for line in lines] == [3, 3, 3]
    assert (process.returncode, errors) == (0, "")


def test_a_watch_goes_on_after_a_reading_that_failed(
    tercet: Tercet, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = statistics.read_statistics
    turns: list[None] = []

    async def failing(counter_reader: CounterReader, *, days: int = 1) -> StatsSnapshot:
        turns.append(None)
        if len(turns) in {1, 3}:
            raise CacheUnavailableError("the cache is away")
        if len(turns) == 5:
            raise KeyboardInterrupt
        return await read(counter_reader, days=days)

    monkeypatch.setattr(statistics, "read_statistics", failing)
    monkeypatch.setattr("infra.local.commands.stats._SECONDS", 0)
    done = tercet("stats", "--watch", "--data", data)
    assert done.exit_code == 0
    assert done.stdout.count("answers cached now") == 2
    assert done.stderr.count("the cache is away; trying again") == 2
    turns.clear()
    assert tercet("stats", "--data", data).exit_code != 0
