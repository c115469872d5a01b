"""`tercet stats`: what the cache did, and what it saved."""

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from infra.local.commands.command_context import console, print_json, run_with_container
from infra.local.commands.options import Data, Json
from infra.local.embedded import DATA

if TYPE_CHECKING:
    from rich.table import Table

    from shared.container import Container
    from shared.statistics import Latency, PeriodStats, StatsSnapshot

_SECONDS = 1.0
_MAX_DAYS = 90


def stats(
    *,
    data: Data = DATA,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=_MAX_DAYS, help="Each of the last days (UTC), too."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Renew it until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show what the cache did since it began to count, and what it saved."""
    from shared import statistics  # noqa: PLC0415 - it loads the client of Redis
    from shared.errors import CacheUnavailableError  # noqa: PLC0415 - as above

    async def show(container: "Container") -> None:
        out = console()

        async def tell(*, again: bool) -> None:
            figures = await statistics.read_statistics(container.counter_reader, days=days or 1)
            if json:
                from functions.stats.serializers import present  # noqa: PLC0415 - FastAPI is slow to load

                print_json(present(figures, container.settings, days=days is not None))
                sys.stdout.flush()  # whoever reads a watch reads it now
                return
            renewed = table(figures, days=days)
            if again:
                out.clear()  # a terminal; elsewhere one table follows the other
            out.print(renewed)

        again = False
        while True:
            try:
                await tell(again=again)
            except CacheUnavailableError as error:
                if not watch:
                    raise
                typer.echo(f"{error}; trying again", err=True)
            if not watch:
                return
            again = True
            await asyncio.sleep(_SECONDS)

    with suppress(KeyboardInterrupt):
        run_with_container(data, show)


def table(figures: "StatsSnapshot", *, days: int | None = None) -> "Table":
    """Lay out a column for all time, and one for each day, the last one first."""
    from rich.table import Table  # noqa: PLC0415 - see `console`

    columns = {"all": figures.total}
    if days:
        last_first = sorted(figures.days, reverse=True)
        columns |= {day.isoformat(): figures.days[day] for day in last_first}
    made = Table("", box=None, header_style="bold")
    for heading in columns:
        made.add_column(heading, justify="right")
    for name, cells in zip(_ROWS, zip(*map(_cells, columns.values()), strict=True), strict=True):
        made.add_row(name, *cells)
    made.add_section()
    live = figures.entries
    made.add_row("answers cached now", f"{live.answers:,}")
    made.add_row("contexts", f"{live.contexts:,}")
    made.add_row("embeddings", f"{live.embeddings:,}")
    if figures.memory_bytes is not None:
        limit = figures.memory_limit_bytes
        bound = f" of {limit / 1e6:.1f} MB ({figures.memory_bytes / limit:.1%})" if limit else ""
        made.add_row("memory of Redis", f"{figures.memory_bytes / 1e6:.1f} MB{bound}")
    return made


_ROWS = (
    "questions",
    "answers avoided",
    "by the same question",
    "waited for the same",
    "by another wording",
    "any tier",
    "answers written",
    "stale / quoted",
    "failed / cache_unavailable",
    "spent",
    "saved",
    "exact hit, P50 / P95",
    "another wording",
    "new answer",
    "note changes",
    "answers kept / dropped",
    "lag, mean",
    "refused by guard",
    "by verifier / sources",
    "by a note's change",
)


def _cells(tally: "PeriodStats") -> list[str]:
    return [
        f"{tally.requests:,}",
        _share(tally.answers_avoided),
        f"{tally.exact:,}",
        f"{tally['outcome_coalesced']:,}",
        f"{tally['outcome_semantic']:,}",
        _share(tally.any_tier),
        f"{tally.generated:,}",
        f"{tally.latency['stale'].count:,} / {tally.latency['extractive'].count:,}",
        f"{tally.latency['failed'].count:,} / {tally['cache_unavailable']:,}",
        f"${tally.spent:.6f}",
        f"${tally.saved:.6f}",
        _times(tally.latency["exact"]),
        _times(tally.latency["semantic"]),
        _times(tally.latency_of("l3", "l2", "none")),
        f"{tally['note_changes']:,}",
        f"{tally['answers_retained']:,} / {tally['answers_dropped']:,}",
        "-" if tally.lag_ms is None else f"{tally.lag_ms:,.0f} ms",
        f"{tally['rejected_by_rules']:,}",
        f"{tally['rejected_by_verifier']:,} / {tally['rejected_by_sources']:,}",
        f"{tally['stores_refused']:,}",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _times(latency: "Latency") -> str:
    """Half of them, and 95 of 100, took no longer."""
    half, most = latency.percentile_ms(0.5), latency.percentile_ms(0.95)
    return "-" if half is None or most is None else f"{half:,.1f} / {most:,.1f} ms"
