"""The Grafana dashboard queries metrics, labels and values that `/metrics` has, and all of them."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from functions.stats.prometheus import exposition
from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from shared.settings import Settings

DASHBOARD: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("infra/grafana/dashboard.json").read_text()
)
EMPTY = StatsSnapshot(PeriodStats(Counter()), {}, EntryCounts(0, 0, 0), 1, 1)
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
SELECTORS = [
    (name, re.findall(r'(\w+)(=~?)"([^"]*)"', matchers))
    for query in QUERIES
    for name, matchers in re.findall(r"(tercet_\w+)\{([^}]*)\}", query)
]


def exposed_labels() -> dict[str, dict[str, set[str]]]:
    """Return the values of each label of each metric."""
    metrics: dict[str, dict[str, set[str]]] = {}
    text = exposition(EMPTY, Settings())
    for name, labels in re.findall(r"^(tercet_\w+)(\{.*\})? ", text, re.MULTILINE):
        known = metrics.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            known.setdefault(label, set()).add(value)
    return metrics


def test_each_query_selects_metrics_and_label_values_that_exist() -> None:
    metrics = exposed_labels()
    assert len(SELECTORS) >= len(QUERIES)
    for name, matchers in SELECTORS:
        assert name in metrics
        for label, operator, value in matchers:
            if label == "job":  # Prometheus adds it
                assert (operator, value) == ("=", "$job")
            else:
                values = set(value.split("|")) if operator == "=~" else {value}
                assert values <= metrics[name][label]


def test_queries_group_by_labels_that_exist() -> None:
    metrics = exposed_labels()
    for query in QUERIES:
        labels = {label for name, _ in SELECTORS if name in query for label in metrics[name]}
        for grouping in re.findall(r" by \((\w+)\)", query):
            assert grouping in labels


def test_every_metric_is_on_the_dashboard() -> None:
    assert {name for name, _ in SELECTORS} == set(exposed_labels())


def test_panels_do_not_overlap() -> None:
    cells = [
        (column, row)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for column in range(at["x"], at["x"] + at["w"])
        for row in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert {column for column, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
