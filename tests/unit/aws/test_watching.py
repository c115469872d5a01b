"""What calls somebody, and what shows how things go, read off the templates."""

import json
from typing import Any

import pytest

from functions.http.emf_metrics import METRICS
from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, functions, of_type
from tests.support.transformed import Stack

CACHE = "cache"
NAMES = {name for told in METRICS.values() for each in told for name in each.units}
ALARMS = Stack(TEMPLATES["infra/aws/alarms.yaml"], CacheName=CACHE)
# Namespace, metric, dimensions, statistic, threshold.
WANTED = {
    "ApiErrors": ("AWS/ApiGateway", "5xx", {"ApiId": "ApiId"}, "Sum", 5),
    **{
        f"{name}{metric}": ("AWS/Lambda", metric, {"FunctionName": f"{name}Function"}, "Sum", 1)
        for name in ("Ask", "Stats", "Invalidate")
        for metric in ("Errors", "Throttles")
    },
    "DeadLetters": (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": "DeadLettersName"},
        "Maximum",
        1,
    ),
    "OldestMessage": (
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        {"QueueName": "QueueName"},
        "Maximum",
        300,
    ),
    "ChangesFailing": ("Tercet", "Failed", {"Function": "InvalidateFunction"}, "Sum", 1),
    "BreakerOpen": ("Tercet", "BreakerOpen", {"Function": "AskFunction"}, "Sum", 1),
    "CacheUnavailable": ("Tercet", "CacheUnavailable", {"Function": "AskFunction"}, "Sum", 10),
}


def alarms() -> dict[str, Any]:
    found = {name: alarm["Properties"] for name, alarm, _ in of_type("AWS::CloudWatch::Alarm")}
    return {name: ALARMS.resolve(alarm) for name, alarm in found.items()}


def dimensions(listed: list[dict[str, str]]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in listed}


def test_every_alarm_calls_somebody_and_says_when_it_is_over() -> None:
    assert alarms().keys() == WANTED.keys() | {"CacheMemory"}
    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["TopicArn"], name
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


@pytest.mark.parametrize("name", WANTED)
def test_an_alarm_looks_at_what_there_is(name: str) -> None:
    alarm = alarms()[name]
    namespace, metric, looked_at, statistic, threshold = WANTED[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    assert dimensions(alarm["Dimensions"]) == looked_at
    assert (alarm["Statistic"], alarm["Threshold"]) == (statistic, threshold)
    assert namespace != "Tercet" or metric in NAMES


def test_the_cache_s_memory_is_looked_at_where_there_is_one_of_ours() -> None:
    alarm = alarms()["CacheMemory"]
    bytes_used, percent = alarm["Metrics"]
    metric = bytes_used["MetricStat"]["Metric"]
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/ElastiCache", "BytesUsedForCache")
    assert dimensions(metric["Dimensions"]) == {"clusterId": CACHE}
    assert percent["Expression"] == "100 * bytes / (1 * 1000000000)"
    assert alarm["Threshold"] == 80
    assert ALARMS.holds("HasCache")
    assert not Stack(TEMPLATES["infra/aws/alarms.yaml"]).holds("HasCache")


def test_alarms_are_told_the_names_of_what_they_look_at() -> None:
    told = MAIN_TEMPLATE["Resources"]["Alarms"]["Properties"]["Parameters"]
    assert told["ApiId"] == {"Ref": "Api"}
    for name in functions().keys() & told.keys():
        assert told[name] == {"Ref": name}
    assert told["QueueName"] == {"Fn::GetAtt": ["Queue", "Outputs.Name"]}
    assert told["DeadLettersName"] == {"Fn::GetAtt": ["Queue", "Outputs.DeadLettersName"]}


def shown(cache: str) -> dict[str, Any]:
    template = TEMPLATES["infra/aws/dashboard.yaml"]
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    widgets = json.loads(Stack(template, CacheName=cache).resolve(body))["widgets"]
    return {widget["properties"]["title"]: widget["properties"]["metrics"] for widget in widgets}


def test_the_dashboard_shows_hit_rates_latency_by_tier_and_cost() -> None:
    found = shown(CACHE)
    told = json.dumps(found)
    for metric in (
        "AnswersAvoided",
        "AnyTier",
        "CostSaved",
        "CostSpent",
        "Degraded",
        "BreakerOpen",
    ):
        assert f'"{metric}"' in told
    for tier in ("l1-exact", "l1-semantic", "l3", "l2", "none"):
        assert f'"{tier}"' in json.dumps(found["Latency by tier, median, ms"])


def test_the_dashboard_shows_the_cache_where_there_is_one_of_ours() -> None:
    assert f'"clusterId", "{CACHE}"' in json.dumps(shown(CACHE)["Cache"])
    assert shown("").keys() == shown(CACHE).keys() - {"Cache"}
