"""`tercet stats`: what the cache did and what it saved."""

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from infra.local.commands.command_context import console, print_json, run_with_container
from infra.local.commands.options import Data, Json
from infra.local.embedded import DATA
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.cache.stats_snapshot import LatencyHistogram, PeriodStats, StatsSnapshot
    from shared.container import Container

_INTERVAL_SECONDS = 1.0
_MAX_DAYS = 90


def stats(
    *,
    data: Data = DATA,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=_MAX_DAYS, help="Also show each of the last days (UTC)."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show what the cache did and saved since counting began."""
    out = console()

    async def show(container: "Container") -> None:
        snapshot = await container.counter_reader.read_snapshot(days or 0)
        if json:
            from functions.stats.serializers import cache_stats  # noqa: PLC0415 - slow to load

            print_json(cache_stats(snapshot, container.settings))
            sys.stdout.flush()  # a pipe must get each line at once
        else:
            if watch:
                out.clear()  # has an effect only on a terminal
            out.print(table(snapshot))

    async def show_until_interrupted(container: "Container") -> None:
        while True:
            try:
                await show(container)
            except CacheUnavailableError as error:
                typer.echo(f"{error}; trying again", err=True)
            await asyncio.sleep(_INTERVAL_SECONDS)

    if not watch:
        run_with_container(data, show)
        return
    # A shell makes background processes ignore SIGINT, and then Python does not handle it either.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        run_with_container(data, show_until_interrupted)


def table(snapshot: "StatsSnapshot") -> Table:
    """Return a table: a column for all time, and one for each requested day, newest first."""
    newest_first = sorted(snapshot.days.items(), reverse=True)
    columns = {"all": snapshot.total} | {day.isoformat(): period for day, period in newest_first}
    made = Table("", box=None, header_style="bold")
    for heading in columns:
        made.add_column(heading, justify="right")
    for name, cell in _ROWS.items():
        made.add_row(name, *map(cell, columns.values()))
    made.add_section()
    made.add_row("cached answers", f"{snapshot.entries.answers:,}")
    made.add_row("cached contexts", f"{snapshot.entries.contexts:,}")
    made.add_row("cached embeddings", f"{snapshot.entries.embeddings:,}")
    if snapshot.memory_bytes is not None:
        limit = snapshot.memory_limit_bytes
        bound = f" of {limit / 1e6:.1f} MB ({snapshot.memory_bytes / limit:.1%})" if limit else ""
        made.add_row("Redis memory", f"{snapshot.memory_bytes / 1e6:.1f} MB{bound}")
    return made


_ROWS: "dict[str, Callable[[PeriodStats], str]]" = {
    "requests": lambda period: f"{period.requests:,}",
    "answer hit rate": lambda period: _share(period.answer_hit_rate),
    "exact hits": lambda period: f"{period.outcomes['exact']:,}",
    "coalesced": lambda period: f"{period.outcomes['coalesced']:,}",
    "semantic hits": lambda period: f"{period.outcomes['semantic']:,}",
    "combined hit rate": lambda period: _share(period.combined_hit_rate),
    "answers generated": lambda period: f"{period.answers_generated:,}",
    "stale / extractive": lambda period: _counts(period, "stale", "extractive"),
    "no notes / failed": lambda period: _counts(period, "no_notes", "failed"),
    "cache unavailable": lambda period: f"{period['cache_unavailable']:,}",
    "cost spent": lambda period: f"${period.cost_spent:.6f}",
    "cost saved": lambda period: f"${period.cost_saved:.6f}",
    "exact, P50 / P95": lambda period: _percentiles(period.latency("exact")),
    "semantic, P50 / P95": lambda period: _percentiles(period.latency("semantic")),
    "generated, P50 / P95": lambda period: _percentiles(period.latency("l3", "l2", "none")),
    "note changes": lambda period: f"{period['note_changes']:,}",
    "answers retained": lambda period: f"{period['answers_retained']:,}",
    "answers dropped": lambda period: f"{period['answers_dropped']:,}",
    "mean lag": lambda period: _milliseconds(period.mean_lag_ms),
    "rejected by rules": lambda period: f"{period['rejected_by_rules']:,}",
    "rejected by verifier": lambda period: f"{period['rejected_by_verifier']:,}",
    "rejected by sources": lambda period: f"{period['rejected_by_sources']:,}",
    "stores refused": lambda period: f"{period['stores_refused']:,}",
}


def _counts(period: "PeriodStats", *outcomes: str) -> str:
    return " / ".join(f"{period.latency(outcome).count:,}" for outcome in outcomes)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"


def _percentiles(latency: "LatencyHistogram") -> str:
    p50, p95 = latency.percentile_ms(0.5), latency.percentile_ms(0.95)
    return "-" if p50 is None or p95 is None else f"{p50:,.1f} / {p95:,.1f} ms"
