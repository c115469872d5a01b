"""CloudWatch alarms and the CloudWatch dashboard of the templates."""

import json
from typing import Any

import pytest

from functions.http.emf_metrics import METRICS
from tests.support.cloudformation import Stack
from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, functions

CACHE = "cache"
METRIC_NAMES = {name for groups in METRICS.values() for group in groups for name in group.names}
ALARMS = Stack(
    TEMPLATES["infra/aws/alarms.yaml"],
    CacheName=CACHE,
    StreamFunction="StreamFunction",
    NotesFunction="NotesFunction",
    OutboxFunction="OutboxFunction",
    WarmFunction="WarmFunction",
    WarmDeadLetterQueueName="WarmDeadLetterQueueName",
)
OPTIONAL = {
    "Stream": "HasStream",
    "Notes": "HasNotes",
    "Outbox": "HasOutbox",
    "WarmDead": "HasWarmDeadLetterQueue",
    "Warm": "HasWarming",
    "CacheM": "HasCache",
}
# Namespace, metric, dimensions, statistic, threshold.
EXPECTED = {
    **{
        f"{name}{metric}": ("AWS/Lambda", metric, {"FunctionName": f"{name}Function"}, "Sum", 1)
        for name in ("Ask", "Stats", "Invalidate", "Stream", "Notes", "Outbox", "Warm")
        for metric in ("Errors", "Throttles")
    },
    "DeadLetterQueue": (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": "DeadLetterQueueName"},
        "Maximum",
        1,
    ),
    "WarmDeadLetterQueue": (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": "WarmDeadLetterQueueName"},
        "Maximum",
        1,
    ),
    "QueueAge": (
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        {"QueueName": "QueueName"},
        "Maximum",
        300,
    ),
    "FutureTimes": ("Tercet", "FutureTimes", {"Function": "InvalidateFunction"}, "Sum", 1),
    "FailedChanges": ("Tercet", "Failed", {"Function": "InvalidateFunction"}, "Sum", 1),
    "BreakerOpen": ("Tercet", "BreakerOpen", {"Function": "AskFunction"}, "Sum", 1),
    "StreamBreakerOpen": ("Tercet", "BreakerOpen", {"Function": "StreamFunction"}, "Sum", 1),
}
# Namespace, part, whole, dimensions.
SHARES = {
    "ApiErrors": ("AWS/ApiGateway", "5xx", "Count", {"ApiId": "ApiId"}),
    "CacheUnavailable": ("Tercet", "CacheUnavailable", "Questions", {"Function": "AskFunction"}),
    "StreamUrlErrors": (
        "AWS/Lambda",
        "Url5xxCount",
        "UrlRequestCount",
        {"FunctionName": "StreamFunction"},
    ),
    "StreamCacheUnavailable": (
        "Tercet",
        "CacheUnavailable",
        "Questions",
        {"Function": "StreamFunction"},
    ),
}


def alarms() -> dict[str, Any]:
    resources = TEMPLATES["infra/aws/alarms.yaml"]["Resources"]
    return {name: ALARMS.resolve(alarm["Properties"]) for name, alarm in resources.items()}


def dimensions(listed: list[dict[str, str]]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in listed}


def test_every_alarm_notifies_the_topic_of_alarm_and_recovery() -> None:
    assert alarms().keys() == EXPECTED.keys() | SHARES.keys() | {"CacheMemory"}
    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["TopicArn"], name
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_alarms_of_an_option_exist_only_with_it() -> None:
    stack = Stack(TEMPLATES["infra/aws/alarms.yaml"])
    for name, alarm in TEMPLATES["infra/aws/alarms.yaml"]["Resources"].items():
        conditions = [each for prefix, each in OPTIONAL.items() if name.startswith(prefix)]
        assert alarm.get("Condition") == next(iter(conditions), None), name
        assert not any(map(stack.holds, conditions))


@pytest.mark.parametrize("name", EXPECTED)
def test_alarm_watches_an_existing_metric(name: str) -> None:
    alarm = alarms()[name]
    namespace, metric, watched, statistic, threshold = EXPECTED[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    assert dimensions(alarm["Dimensions"]) == watched
    assert (alarm["Statistic"], alarm["Threshold"]) == (statistic, threshold)
    assert namespace != "Tercet" or metric in METRIC_NAMES


@pytest.mark.parametrize("name", SHARES)
def test_alarm_watches_a_share_of_existing_metrics(name: str) -> None:
    namespace, part, whole, watched = SHARES[name]
    metrics = {each["Id"]: each["MetricStat"] for each in alarms()[name]["Metrics"][:2]}
    assert {metric_id: each["Metric"]["MetricName"] for metric_id, each in metrics.items()} == {
        "part": part,
        "whole": whole,
    }
    for each in metrics.values():
        assert (each["Metric"]["Namespace"], each["Stat"], each["Period"]) == (
            namespace,
            "Sum",
            300,
        )
        assert dimensions(each["Metric"]["Dimensions"]) == watched
        assert namespace != "Tercet" or each["Metric"]["MetricName"] in METRIC_NAMES
    assert alarms()[name]["Metrics"][2]["Expression"] == "100 * part / whole"


def fires(alarm: dict[str, Any], failed: list[int], requests: list[int]) -> bool:
    """Whether the alarm fires in one of the periods of five minutes."""
    share = "Metrics" in alarm
    values = [
        (100 * bad / total if total else 0) if share else bad
        for bad, total in zip(failed, requests, strict=True)
    ]
    breaches = [value >= alarm["Threshold"] for value in values]
    window = alarm["EvaluationPeriods"]
    return any(
        sum(breaches[max(0, end - window) : end]) >= alarm["DatapointsToAlarm"]
        for end in range(1, len(breaches) + 1)
    )


OF_REQUESTS = [*SHARES, "AskErrors", "AskThrottles", "StatsErrors", "BreakerOpen"]
# 200 users ask four questions each in ten hours: 6 or 7 in five minutes.
FEW_USERS = [7, 6, 7, 7, 6, 7, 7, 6, 7]
MANY_USERS = [7_000] * 9


@pytest.mark.parametrize("name", OF_REQUESTS)
@pytest.mark.parametrize("requests", [FEW_USERS, MANY_USERS])
def test_alarm_fires_within_ten_minutes_of_an_outage(name: str, requests: list[int]) -> None:
    outage = [0, 0, *requests[2:4], 0, 0, 0, 0, 0]
    assert fires(alarms()[name], outage, requests)


@pytest.mark.parametrize("name", OF_REQUESTS)
@pytest.mark.parametrize("requests", [FEW_USERS, MANY_USERS])
def test_alarm_does_not_fire_for_one_failed_request_in_a_quarter_of_an_hour(
    name: str, requests: list[int]
) -> None:
    assert not fires(alarms()[name], [1, 0, 0, 1, 0, 0, 1, 0, 0], requests)


def test_cache_memory_alarm_exists_only_with_an_elasticache_cache() -> None:
    alarm = alarms()["CacheMemory"]
    bytes_used, percent = alarm["Metrics"]
    metric = bytes_used["MetricStat"]["Metric"]
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/ElastiCache", "BytesUsedForCache")
    assert dimensions(metric["Dimensions"]) == {"clusterId": CACHE}
    assert percent["Expression"] == "100 * bytes / (1 * 1000000000)"
    assert alarm["Threshold"] == 80
    assert ALARMS.holds("HasCache")
    assert not Stack(TEMPLATES["infra/aws/alarms.yaml"]).holds("HasCache")


def test_alarm_stack_gets_the_names_of_the_resources() -> None:
    parameters = MAIN_TEMPLATE["Resources"]["Alarms"]["Properties"]["Parameters"]
    assert parameters["ApiId"] == {"Ref": "Api"}
    schedule = "rate(1 minute)"
    with_options = Stack(MAIN_TEMPLATE, Streaming="on", NotesApi="on", OutboxSchedule=schedule)
    for name in functions().keys() & parameters.keys():
        assert with_options.resolve(parameters[name]) == name
    for name in ("StreamFunction", "NotesFunction", "OutboxFunction"):
        assert Stack(MAIN_TEMPLATE).resolve(parameters[name]) == ""
    assert parameters["QueueName"] == {"Fn::GetAtt": ["Queue", "Outputs.Name"]}
    assert parameters["DeadLetterQueueName"] == {
        "Fn::GetAtt": ["Queue", "Outputs.DeadLetterQueueName"]
    }


def dashboard_widgets(cache: str) -> list[Any]:
    template = TEMPLATES["infra/aws/dashboard.yaml"]
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    stack = Stack(template, CacheName=cache, Functions="ask,stats", Queues="changes,warming")
    return list(json.loads(stack.resolve(body))["widgets"])


def dashboard_metrics(cache: str) -> dict[str, Any]:
    """Return the metrics of each widget, by its title."""
    widgets = [widget["properties"] for widget in dashboard_widgets(cache)]
    return {properties["title"]: properties["metrics"] for properties in widgets}


def test_dashboard_shows_hit_rates_latency_by_outcome_and_cost() -> None:
    found = dashboard_metrics(CACHE)
    text = json.dumps(found)
    for metric in (
        "AnswersAvoided",
        "AnyTierHits",
        "CostSaved",
        "CostSpent",
        "ExtractiveFallback",
        "BreakerOpen",
    ):
        assert f'"{metric}"' in text
    for outcome in ("exact", "semantic", "l3", "l2", "none"):
        assert f'"{outcome}"' in json.dumps(found["Latency by outcome, P50, ms"])


def test_dashboard_shows_the_cache_only_with_an_elasticache_cache() -> None:
    assert f'"clusterId", "{CACHE}"' in json.dumps(dashboard_metrics(CACHE)["Cache"])
    assert dashboard_metrics("").keys() == dashboard_metrics(CACHE).keys() - {"Cache"}


def test_dashboard_shows_every_function_and_queue() -> None:
    found = dashboard_metrics(CACHE)
    for title, metric in (
        ("Errors", "Errors"),
        ("Throttles", "Throttles"),
        ("Duration, P95, ms", "Duration"),
    ):
        assert found[title] == [["AWS/Lambda", metric, "FunctionName", "ask"], ["...", "stats"]]
    assert found["Age of the oldest message, s"] == [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "changes"],
        ["...", "warming"],
    ]


def test_dashboard_stack_gets_the_namesand_queues_that_exist() -> None:
    parameters = MAIN_TEMPLATE["Resources"]["DashboardStack"]["Properties"]["Parameters"]
    names, queues = parameters["Functions"], parameters["Queues"]
    least = Stack(MAIN_TEMPLATE, CacheWarming="off")
    assert least.resolve(names) == "AskFunction,StatsFunction,InvalidateFunction"
    assert least.resolve(queues) == "Queue.Outputs.Name"
    most = Stack(MAIN_TEMPLATE, Streaming="on", NotesApi="on", OutboxSchedule="rate(1 minute)")
    assert set(most.resolve(names).split(",")) == functions().keys() - {"DashboardFunction"}
    assert most.resolve(queues) == "Queue.Outputs.Name,WarmQueue.Outputs.Name"


def test_dashboard_widgets_do_not_overlap() -> None:
    cells = [
        (widget["x"] + column, widget["y"] + row)
        for widget in dashboard_widgets(CACHE)
        for column in range(widget["width"])
        for row in range(widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
