"""`GET /metrics`: the Prometheus parser accepts it, and counters never decrease."""

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.cache.counters import BUCKETS_MS
from shared.container import Container
from tests.support.command import ROOT, start_tercet
from tests.support.stats_app import ANN, COST, get, of, use

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def assert_monotone(before: Samples, after: Samples) -> None:
    counters = {
        key: value
        for key, value in before.items()
        if key[0].endswith(("_total", "_count", "_sum", "_bucket"))
    }
    assert len(counters) > 100
    assert {key for key, value in counters.items() if after[key] < value} == set()


async def test_metrics_are_prometheus_text_and_cover_all_containers(
    counted: Container,
) -> None:
    other = of(counted.settings)
    await use(counted)
    await use(other)
    response = await get(other, "/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert all(family.documentation for family in families.values())
    assert families["tercet_requests"].type == "counter"
    assert families["tercet_request_duration_seconds"].type == "histogram"
    samples = samples_of(response.text)
    assert samples["tercet_requests_total", ()] == 10
    assert samples["tercet_cost_dollars_total", (("kind", "spent"),)] == pytest.approx(6 * COST)
    assert samples["tercet_entries", (("tier", "l1"),)] == 3
    by_hits = [value for (name, _), value in samples.items() if name == "tercet_answers_by_hits"]
    assert by_hits == [2, 0, 1, 0, 0]
    assert samples["tercet_stores_total", (("tier", "l3"),)] == 6
    assert samples["tercet_drops_total", (("tier", "l3"),)] == 3
    served = {
        labels[0][1]: value
        for (name, labels), value in samples.items()
        if name == "tercet_request_outcomes_total"
    }
    assert (served["exact"], served["semantic"], served["none"], served["l2"]) == (2, 2, 2, 4)
    lags = samples["tercet_note_change_lag_seconds_count", ()]
    assert lags == samples["tercet_note_changes_total", ()] == 4
    buckets = {
        labels: value
        for (name, labels), value in samples.items()
        if name == "tercet_request_duration_seconds_bucket" and ("outcome", "exact") in labels
    }
    assert len(buckets) == len(BUCKETS_MS) + 1
    assert list(buckets.values()) == sorted(buckets.values())
    hits = samples["tercet_request_duration_seconds_count", (("outcome", "exact"),)]
    assert hits == max(buckets.values()) > 0
    await other.aclose()


async def test_judged_hits_are_metrics(counted: Container) -> None:
    before = samples_of((await get(counted, "/metrics")).text)
    bounds = [("tercet_wrong_match_share", (("bound", bound),)) for bound in ("low", "high")]
    assert [before[bound] for bound in bounds] == [0, 1]  # nothing is known
    for wrong in [False] * 9 + [True]:
        await counted.match_judging._matches.count(wrong=wrong, cost=0)
    after = samples_of((await get(counted, "/metrics")).text)
    assert [after[bound] for bound in bounds] == pytest.approx([0.0025, 0.4450], abs=1e-4)
    assert after["tercet_matches_judged_total", (("verdict", "right"),)] == 9
    assert after["tercet_matches_judged_total", (("verdict", "wrong"),)] == 1
    assert after["tercet_similarity_threshold", ()] == 0.85


async def test_every_metric_and_every_statistics_field_is_documented(
    counted: Container,
) -> None:
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    families = list(text_string_to_metric_families((await get(counted, "/metrics")).text))
    names = {f"{each.name}_total" if each.type == "counter" else each.name for each in families}
    documented = set(re.findall(r"`(tercet_\w+)`", text))
    assert names - {"tercet_redis_memory_limit_bytes"} == documented - {
        "tercet_redis_memory_limit_bytes"  # only with a memory limit
    }
    members = set((await get(counted)).json())
    assert {name for name in members if f"`{name}`" not in text} == set()


async def test_counters_never_decrease_when_a_container_restarts(
    counted: Container,
) -> None:
    await use(counted)
    before = samples_of((await get(counted, "/metrics")).text)
    await counted.aclose()
    restarted = of(counted.settings)
    await use(restarted)
    after = samples_of((await get(restarted, "/metrics")).text)
    await restarted.aclose()
    assert_monotone(before, after)
    assert after["tercet_requests_total", ()] == before["tercet_requests_total", ()] + 5


def scrape_process(data: Path) -> Samples:
    """Serve a folder, ask one question, scrape, and kill the process."""
    process = start_tercet("serve", "--port", "0", "--data", data)
    assert process.stdout
    try:
        url = process.stdout.readline().split()[3]
        with httpx.Client(base_url=url, headers=ANN, timeout=60) as client:
            assert client.post("/assistant/query", json={"query": "What is hope?"}).is_success
            return samples_of(client.get("/metrics").text)
    finally:
        process.kill()
        process.communicate()


def test_counters_never_decrease_when_the_process_is_killed(tmp_path: Path) -> None:
    before, after = scrape_process(tmp_path), scrape_process(tmp_path)
    assert_monotone(before, after)
    assert [each["tercet_requests_total", ()] for each in (before, after)] == [1, 2]
