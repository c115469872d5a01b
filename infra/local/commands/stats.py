"""`tercet stats`: what the cache did, and what it saved."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from infra.local.commands.options import Data, Json
from infra.local.commands.running import console, print_json, run
from infra.local.embedded import DATA

if TYPE_CHECKING:
    from rich.table import Table

    from shared.container import Container
    from shared.statistics import Statistics, Tally

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

    async def show(container: "Container") -> None:
        async def read() -> "Statistics":
            return await statistics.read(container.ledger, days=days or 1)

        if json:
            from functions.stats.presenting import present  # noqa: PLC0415 - FastAPI is slow to load

            print_json(present(await read(), container.settings, days=days is not None))
            return
        out = console()
        out.print(table(await read(), days=days))
        while watch:
            await asyncio.sleep(_SECONDS)
            renewed = table(await read(), days=days)
            out.clear()  # a terminal; elsewhere one table follows the other
            out.print(renewed)

    with suppress(KeyboardInterrupt):
        run(data, show)


def table(figures: "Statistics", *, days: int | None = None) -> "Table":
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
    live = figures.live
    made.add_row("answers cached now", f"{live.answers:,}")
    made.add_row("contexts", f"{live.contexts:,}")
    made.add_row("embeddings", f"{live.embeddings:,}")
    if figures.memory_bytes is not None:
        made.add_row("memory of Redis", f"{figures.memory_bytes / 1e6:.1f} MB")
    return made


_ROWS = (
    "questions",
    "answers avoided",
    "by the same question",
    "by another wording",
    "any tier",
    "answers written",
    "stale / quoted",
    "spent",
    "saved",
    "exact hit, median",
    "new answer, median",
    "note changes",
    "answers kept / dropped",
)


def _cells(tally: "Tally") -> list[str]:
    return [
        f"{tally.requests:,}",
        _share(tally.answers_avoided),
        f"{tally.exact:,}",
        f"{tally['semantic_hits']:,}",
        _share(tally.any_tier),
        f"{tally.generated:,}",
        f"{tally.latency['stale'].count:,} / {tally.latency['degraded'].count:,}",
        f"${tally.spent:.6f}",
        f"${tally.saved:.6f}",
        _milliseconds(tally.latency["exact"].percentile_ms(0.5)),
        _milliseconds(tally.latency_of("l3", "l2", "none").percentile_ms(0.5)),
        f"{tally['invalidations']:,}",
        f"{tally['kept']:,} / {tally['dropped']:,}",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} ms"
