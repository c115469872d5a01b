"""The table of `make peers`: a row for each measurement and a column for each peer."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from tests.benchmarks.report import Metric
from tests.peers.peer import Peer

Row = Mapping[str, Any]
"""A metric as `build/peers.json` has it."""


def with_baselines(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Add to each metric the value of the naive design."""
    naive = {
        name.removeprefix("naive_"): metric.value
        for name, metric in metrics.items()
        if name.startswith("naive_")
    }
    return {
        name: metric.with_value(metric.value, naive.get(name.partition("_")[2]))
        for name, metric in metrics.items()
        if metric.value is not None
    }


def markdown_table(metrics: Mapping[str, Row], peers: Mapping[str, type[Peer]]) -> str:
    """Return a Markdown table. A cell that was not measured is a dash.

    Args:
        metrics: the metrics by name, as `build/peers.json` has them.
        peers: the columns.
    """
    lines = [
        _line("", *map(_heading, peers.values())),
        _line("---", *["--:"] * len(peers)),
        _line("accepts another wording", *(peer.accepts for peer in peers.values())),
    ]
    for label, name, cell in _ROWS:
        rows = [metrics.get(f"{peer}_{name}") for peer in peers]
        # The units of counts start with the total, which all peers share.
        totals = {row["unit"].split()[1] for row in rows if row and "{total}" in label}
        lines.append(
            _line(
                label.format(total=", ".join(totals)), *(cell(row) if row else "-" for row in rows)
            )
        )
    return "\n".join(lines)


def _heading(peer: type[Peer]) -> str:
    return f"{peer.title} {version(peer.package)}" if peer.package else peer.title


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _count(row: Row) -> str:
    return f"{row['value']:,}"


def _share(row: Row) -> str:
    return f"{row['value']:.1%}"


def _number(row: Row) -> str:
    return f"{row['value']:.1f}"


def _megabytes(row: Row) -> str:
    return f"{row['value']:.0f}{' (files)' if 'files' in row['unit'] else ''}"


def _yes_or_no(row: Row) -> str:
    return "yes" if row["value"] else "no"


def _outcome(row: Row) -> str:
    result = "answer" if row["unit"].endswith("answer") else "error"
    return f"{result}, {row['value']:.2f} s"


_ROWS: list[tuple[str, str, Callable[[Row], str]]] = [
    ("note questions: right hits of {total}", "note_questions_right", _count),
    ("note questions: wrong hits of {total}", "note_questions_wrong", _count),
    ("customer questions: right hits of {total}", "support_right", _count),
    ("customer questions: wrong hits of {total}", "support_wrong", _count),
    ("open-web questions: right hits of {total}", "open_web_right", _count),
    ("open-web questions: wrong hits of {total}", "open_web_wrong", _count),
    ("one user's answer reaches another user", "other_user_hits", _yes_or_no),
    ("stale answers of {total} while notes change", "stale", _count),
    ("answers kept that a change does not affect", "kept", _share),
    ("exact hit, in PINGs of the same client", "hit_pings", _number),
    ("embeddings that an exact hit needs", "hit_embeddings", _number),
    ("memory for 10,000 questions, MB", "mb_per_10k", _megabytes),
    ("Redis killed: the next question gets", "redis_killed_s", _outcome),
    ("Redis frozen: the next question gets", "redis_frozen_s", _outcome),
]
