"""`tercet stats`: the table, its JSON form, and `--watch`."""

import json
import re
import shutil
import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from rich.console import Console

from functions.stats.schemas import CacheStats
from infra.local.commands.stats import table
from shared.cache.counter_reader import CounterReader
from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from shared.errors import CacheUnavailableError
from tests.support.command import Tercet, start_tercet, tercet_in_process
from tests.support.utc_day import stay_within_a_day


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder in which one question was asked three times today."""
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
    rows = (re.split(r"\s{2,}", line.strip()) for line in text.splitlines())
    return {name: cells for name, *cells in rows}


def test_stats_table_shows_requests_and_hit_rates(tercet: Tercet, data: Path) -> None:
    done = tercet("stats", "--days", "2", "--data", data)
    assert done.exit_code == 0, done.output
    rows = rows_of(done.stdout)
    assert rows["requests"] == ["3", "3", "0"]
    assert rows["answer hit rate"] == ["66.7%", "66.7%", "-"]
    assert rows["exact hits"] == ["2", "2", "0"]
    assert rows["cached answers"] == ["1"]


def test_stats_json_is_the_response_of_the_stats_function(tercet: Tercet, data: Path) -> None:
    """Each process that asked has written its pending counters when it ended."""
    done = tercet("stats", "--json", "--days", "1", "--data", data)
    body = TypeAdapter(CacheStats).validate_json(done.stdout)
    assert (body["l1_query"]["total_hits"], body["l1_query"]["total_entries"]) == (2, 1)
    assert body["latency_ms"]["exact"]["count"] == 2
    assert [day["total_requests"] for day in body["days"]] == [3]


@pytest.mark.parametrize("days", ["0", "91"])
def test_stats_refuses_days_out_of_range(tercet: Tercet, tmp_path: Path, days: str) -> None:
    assert tercet("stats", "--days", days, "--data", tmp_path).exit_code == 2


def test_stats_table_shows_failures_and_rejections() -> None:
    period = PeriodStats(
        {
            "rejected_by_rules": 3,
            "rejected_by_verifier": 4,
            "rejected_by_model": 5,
            "stores_refused": 6,
            "outcome_coalesced": 7,
            "cache_unavailable": 8,
            "failed_ms_1000": 9,
            "semantic_ms_50": 100,
            "note_changes": 2,
            "note_change_lags": 2,
            "note_change_lag_ms": 300,
        }
    )
    limited = StatsSnapshot(
        period, {}, EntryCounts(11, 12, 3, (5, 3, 2, 1, 0)), 30_000_000, 40_000_000
    )
    out = Console(width=80, file=StringIO())
    out.print(table(limited))
    rows = rows_of(out.file.getvalue())  # type: ignore[attr-defined]  # it is a StringIO
    assert rows["coalesced"] == ["7"]
    assert rows["no notes / failed"] == ["0 / 9"]
    assert rows["cache unavailable"] == ["8"]
    assert rows["semantic, P50 / P95"] == ["35.0 / 48.5 ms"]
    assert rows["mean lag"] == ["150 ms"]
    assert rows["rejected by rules"] == ["3"]
    assert rows["rejected by verifier"] == ["4"]
    assert rows["rejected by model"] == ["5"]
    assert rows["stores refused"] == ["6"]
    assert rows["with 0 / 1 / 2-4 / 5-9 / 10+ hits"] == ["5 / 3 / 2 / 1 / 0"]
    assert rows["Redis memory"] == ["30.0 MB of 40.0 MB (75.0%)"]


@pytest.fixture
def sigint_ignored() -> Iterator[None]:
    """Ignore SIGINT in this process and its children, as a shell does for background jobs."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint_ignored")
def test_stats_watch_refreshes_and_ends_with_sigint(tercet: Tercet, data: Path) -> None:
    process = start_tercet("stats", "--watch", "--data", data)
    assert process.stdout is not None
    requests = []
    try:
        for line in process.stdout:
            if line.startswith(" requests"):
                requests.append(line.split()[1])
                if len(requests) == 1:
                    assert tercet("ask", "What is faith?", "--data", data).exit_code == 0
                if requests.count("4") == 2:
                    break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert requests[0] == "3"
    assert (process.returncode, errors) == (0, "")


@pytest.mark.usefixtures("sigint_ignored")
def test_stats_watch_prints_a_json_line_each_time(data: Path) -> None:
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


def test_stats_watch_continues_after_an_outage(
    tercet: Tercet, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = CounterReader.read_snapshot
    reads: list[None] = []

    async def failing(self: CounterReader, days: int = 1) -> StatsSnapshot:
        reads.append(None)
        if len(reads) == 1:
            raise CacheUnavailableError("the cache is unavailable")
        if len(reads) == 3:
            raise KeyboardInterrupt
        return await read(self, days)

    monkeypatch.setattr(CounterReader, "read_snapshot", failing)
    done = tercet("stats", "--watch", "--data", data)
    assert done.exit_code == 0
    assert done.stdout.count("cached answers") == 1
    assert done.stderr.count("the cache is unavailable; trying again") == 1
    reads.clear()
    assert tercet("stats", "--data", data).exit_code != 0
