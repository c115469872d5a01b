"""`tercet stats`: what the cache did and what it saved."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from functions.stats.serializers import cache_stats, window_record
from infra.local.commands.command_context import console, print_json, run_with_container
from infra.local.commands.options import data_option, json_option
from shared.cache.stats_snapshot import HITS
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.stats_snapshot import StatsSnapshot
    from shared.container import Container

_INTERVAL_SECONDS = 1.0
_MAX_DAYS = 90


@click.command()
@data_option
@click.option(
    "--days",
    type=click.IntRange(1, _MAX_DAYS),
    help="Also show each of the last days (UTC).",
)
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C.")
@json_option
def stats(*, data: Path, days: int | None, watch: bool, json: bool) -> None:
    """Show what the cache did and saved since counting began."""
    out = console()

    async def show(container: "Container") -> None:
        snapshot = await container.counter_reader.read_snapshot(days or 0)
        if json:
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
                click.echo(f"{error}; trying again", err=True)
            await asyncio.sleep(_INTERVAL_SECONDS)

    if not watch:
        run_with_container(data, show, create=False)
        return
    # A shell makes background processes ignore SIGINT, and then Python does not handle it either.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        run_with_container(data, show_until_interrupted, create=False)


def table(snapshot: "StatsSnapshot") -> Table:
    """Return a table: a column for all time, and one for each requested day, newest first."""
    newest_first = sorted(snapshot.days.items(), reverse=True)
    columns = {"all": snapshot.total} | {day.isoformat(): period for day, period in newest_first}
    made = Table("", box=None, header_style="bold")
    for heading in columns:
        made.add_column(heading, justify="right")
    records = [window_record(period) for period in columns.values()]
    for name, template in _ROWS.items():
        made.add_row(name, *(_format(template, record) for record in records))
    made.add_section()
    made.add_row("cached answers", f"{snapshot.entries.answers:,}")
    by_hits = " / ".join(f"{number:,}" for number in snapshot.entries.answers_by_hits)
    made.add_row(f"with {' / '.join(HITS)} hits", by_hits)
    made.add_row("cached contexts", f"{snapshot.entries.contexts:,}")
    made.add_row("cached embeddings", f"{snapshot.entries.embeddings:,}")
    if snapshot.memory_bytes is not None:
        limit = snapshot.memory_limit_bytes
        bound = f" of {limit / 1e6:.1f} MB ({snapshot.memory_bytes / limit:.1%})" if limit else ""
        made.add_row("Redis memory", f"{snapshot.memory_bytes / 1e6:.1f} MB{bound}")
    return made


_ROWS = {
    "requests": "{total_requests:,}",
    "answer hit rate": "{answer_hit_rate:.1%}",
    "exact hits": "{outcomes[exact]:,}",
    "coalesced": "{outcomes[coalesced]:,}",
    "semantic hits": "{outcomes[semantic]:,}",
    "combined hit rate": "{combined_hit_rate:.1%}",
    "answers generated": "{latency_ms[generated][count]:,}",
    "stale / extractive": "{latency_ms[stale][count]:,} / {latency_ms[extractive][count]:,}",
    "no notes / failed": "{latency_ms[no_notes][count]:,} / {latency_ms[failed][count]:,}",
    "cache unavailable": "{cache_unavailable:,}",
    "cost spent": "${cost_actual:.6f}",
    "cost saved": "${cost_saved:.6f}",
    "warmed / used": "{warming[answers]:,} / {warming[used]:,}",
    "cost of warming": "${warming[cost]:.6f}",
    "exact, P50 / P95": "{latency_ms[exact][p50]:,.1f} / {latency_ms[exact][p95]:,.1f} ms",
    "semantic, P50 / P95": "{latency_ms[semantic][p50]:,.1f} / {latency_ms[semantic][p95]:,.1f} ms",
    "generated, P50 / P95": (
        "{latency_ms[generated][p50]:,.1f} / {latency_ms[generated][p95]:,.1f} ms"
    ),
    "note changes": "{note_changes[acknowledged]:,}",
    "answers retained": "{note_changes[answers_retained]:,}",
    "answers dropped": "{note_changes[answers_dropped]:,}",
    "mean lag": "{note_changes[avg_lag_ms]:,.0f} ms",
    "not stored / future": "{note_changes_not_stored:,} / {note_changes_from_future:,}",
    "rejected by rules": "{matches_rejected[rules]:,}",
    "rejected by model": "{matches_rejected[model]:,}",
    "rejected by verifier": "{matches_rejected[verifier]:,}",
    "judged / wrong matches": "{matches_judged[judged]:,} / {matches_judged[wrong]:,}",
    "share of wrong matches": (
        "{matches_judged[wrong_share_low]:.1%} to {matches_judged[wrong_share_high]:.1%}"
    ),
    "stores refused": "{stores_refused:,}",
}
"""Rows of the table: a name, and the format of a value of `window_record`."""


def _format(template: str, record: dict[str, Any]) -> str:
    try:
        return template.format_map(record)
    except TypeError:  # None: a rate, a mean or a percentile of no requests
        return "-"
