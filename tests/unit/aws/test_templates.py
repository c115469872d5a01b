"""How the deployment is put together, read off the templates."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest

from shared.settings import Settings
from tests.support.sam import ROOT
from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, Template, as_list, functions, of_type
from tests.support.transformed import Stack

KNOBS = {knob.metadata["variable"]: knob for knob in fields(Settings)}


def environment(function: Template) -> dict[str, Any]:
    own: dict[str, Any] = function.get("Environment", {}).get("Variables", {})
    shared: dict[str, Any] = MAIN_TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return shared | own


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_parameter_is_described(path: str) -> None:
    for name, parameter in TEMPLATES[path].get("Parameters", {}).items():
        assert len(parameter["Description"]) > 10, name


@pytest.mark.parametrize("name", MAIN_TEMPLATE["Parameters"])
def test_every_parameter_has_a_default_that_it_would_accept(name: str) -> None:
    parameter = MAIN_TEMPLATE["Parameters"][name]
    default = parameter["Default"]
    assert re.search(parameter.get("AllowedPattern", ""), str(default))
    assert default in parameter.get("AllowedValues", [default])
    if parameter["Type"] == "Number":
        assert parameter.get("MinValue", 0) <= default <= parameter.get("MaxValue", default)


@pytest.mark.parametrize("url", ["redis://:word@host:6379", "rediss://a:b@host", "http://host"])
def test_a_redis_url_with_a_password_is_refused(url: str) -> None:
    """It would be legible in the functions' environment."""
    assert not re.search(MAIN_TEMPLATE["Parameters"]["RedisUrl"]["AllowedPattern"], url)
    assert re.search(
        MAIN_TEMPLATE["Parameters"]["RedisUrl"]["AllowedPattern"], "rediss://host:6379"
    )


@pytest.mark.parametrize("url", ["postgresql://user:word@host/notes", "mysql://host/notes"])
def test_a_database_s_address_with_a_password_is_refused(url: str) -> None:
    pattern = MAIN_TEMPLATE["Parameters"]["DatabaseAddress"]["AllowedPattern"]
    assert not re.search(pattern, url)
    assert re.search(pattern, "postgresql://host/notes?sslrootcert=/opt/authorities/rds.pem")


@pytest.mark.parametrize(
    ("name", "fits"),
    [("tercet", True), ("a-b-9", True), ("a--b", False), ("a-", False), ("A", False), ("9", False)],
)
def test_a_cache_s_name_is_one_that_elasticache_takes(name: str, *, fits: bool) -> None:
    assert bool(re.search(MAIN_TEMPLATE["Parameters"]["CacheName"]["AllowedPattern"], name)) is fits


@pytest.mark.parametrize(
    ("sites", "fits"),
    [("https://a.example,http://localhost:3000", True), ("*", False), ("a.example", False)],
)
def test_sites_are_named_as_browsers_name_them(sites: str, *, fits: bool) -> None:
    assert (
        bool(re.search(MAIN_TEMPLATE["Parameters"]["CorsOrigins"]["AllowedPattern"], sites)) is fits
    )


@pytest.mark.parametrize("name", functions())
def test_a_function_is_told_only_what_there_is_a_setting_for(name: str) -> None:
    assert environment(functions()[name]).keys() <= KNOBS.keys()


@pytest.mark.parametrize("name", functions())
def test_no_secret_is_in_an_environment(name: str) -> None:
    variables = environment(functions()[name])
    assert variables.get("HF_TOKEN", "") == ""
    assert variables.get("DATABASE_URL", "") in ("", {"Ref": "DatabaseAddress"})
    told = {variable for variable in variables if variable.endswith("_SECRET")}
    wanted = {"HF_TOKEN_SECRET", "DATABASE_URL_SECRET"}
    assert told - {"REDIS_CACHE_PASSWORD_SECRET"} == (
        wanted if name in {"AskFunction", "InvalidateFunction"} else set()
    )
    named = {"Ref": "RedisPasswordSecret"}
    assert variables["REDIS_CACHE_PASSWORD_SECRET"] == (
        "" if name == "DashboardFunction" else named
    )


def test_the_local_environment_names_only_what_a_function_declares() -> None:
    """`sam local` would pass over anything else without a word."""
    local = json.loads((ROOT / "infra" / "aws" / "local.env.json").read_text("utf-8"))
    config = (ROOT / "samconfig.toml").read_text("utf-8")
    assert config.count('env_vars = "infra/aws/local.own.json"') == 2
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "infra/aws/local.own.json" in ignored, "it holds what is one's own"
    assert local["Parameters"].keys() <= environment(functions()["AskFunction"]).keys()


def test_ask_ends_before_the_gateway_and_its_models_before_ask() -> None:
    assert KNOBS["HF_TIMEOUT"].default < functions()["AskFunction"]["Timeout"] < 30


@pytest.mark.parametrize("name", functions())
def test_a_function_has_a_handler_and_a_recipe(name: str) -> None:
    module, _, handler = functions()[name]["Handler"].rpartition(".")
    source = ROOT / f"{module.replace('.', '/')}.py"
    assert f"\n{handler} = " in source.read_text("utf-8")
    packaging = ROOT / MAIN_TEMPLATE["Globals"]["Function"]["CodeUri"]
    assert f"build-{name}" in (packaging / "Makefile").read_text("utf-8")


def test_a_note_change_fails_alone_and_has_time_to_be_applied() -> None:
    function = functions()["InvalidateFunction"]
    source = function["Events"]["Changes"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "InvalidateConcurrency"}}
    hidden = MAIN_TEMPLATE["Resources"]["Queue"]["Properties"]["Parameters"]["VisibilitySeconds"]
    assert hidden >= 6 * function["Timeout"]


def test_every_queue_has_a_dead_letter_queue_or_is_one() -> None:
    queues = {name: queue["Properties"] for name, queue, _ in of_type("AWS::SQS::Queue")}
    targets = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    assert targets
    for name, queue in queues.items():
        assert ("RedrivePolicy" in queue) != (name in targets)
        if name in targets:
            assert queue["MessageRetentionPeriod"] == 14 * 86_400


def test_dead_letters_come_from_their_queue_alone() -> None:
    resources = TEMPLATES["infra/aws/queue.yaml"]["Resources"]
    allowed = resources["DeadLetters"]["Properties"]["RedriveAllowPolicy"]
    stack = Stack(TEMPLATES["infra/aws/queue.yaml"])
    name = stack.resolve(resources["Queue"]["Properties"]["QueueName"])
    assert len(name) <= 80
    assert stack.resolve(allowed) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:aws:sqs:eu-central-1:123456789012:{name}"],
    }


def test_every_queue_is_encrypted_and_spoken_to_by_tls_alone() -> None:
    refusing = {}
    for _, policy, _ in of_type("AWS::SQS::QueuePolicy"):
        (queue,) = policy["Properties"]["Queues"]
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        refusing[queue["Ref"]] = statement
    for name, queue, _ in of_type("AWS::SQS::Queue"):
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert refusing[name] == {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": {"Fn::GetAtt": [name, "Arn"]},
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


def test_every_log_group_has_a_retention_and_every_function_one_of_them() -> None:
    groups = {name: group["Properties"] for name, group, _ in of_type("AWS::Logs::LogGroup")}
    assert all(group["RetentionInDays"] == {"Ref": "LogDays"} for group in groups.values())
    written = {each["LoggingConfig"]["LogGroup"]["Ref"] for each in functions().values()}
    api = MAIN_TEMPLATE["Resources"]["Api"]["Properties"]
    written |= {api["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"][0]}
    assert written == groups.keys()


def test_access_logs_are_json_and_tell_nothing_of_the_caller() -> None:
    line = json.loads(
        MAIN_TEMPLATE["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]
    )
    assert line["status"] == "$context.status"
    assert not re.search(r"identity|claims|path\b|querystring|authorization", json.dumps(line))


def test_the_cache_is_public_only_with_iam_and_private_in_a_vpc() -> None:
    resources = TEMPLATES["infra/aws/cache.yaml"]["Resources"]
    cache = resources["Cache"]["Properties"]
    assert (cache["Engine"], cache["MajorEngineVersion"]) == ("valkey", "9")
    assert cache["ConnectionType"] == {"Fn::If": ["InVpc", "vpc", "public"]}
    assert cache["UserGroupId"] == {"Ref": "Users"}
    assert resources["Users"]["Properties"]["UserIds"] == [{"Ref": "User"}]
    user = resources["User"]["Properties"]
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert user["UserId"] == user["UserName"]
    assert TEMPLATES["infra/aws/cache.yaml"]["Outputs"]["Url"]["Value"]["Fn::Sub"].startswith(
        "rediss://"
    )


def test_the_topic_is_encrypted_with_a_key_that_cloudwatch_may_use() -> None:
    resources = TEMPLATES["infra/aws/alarm_topic.yaml"]["Resources"]
    assert resources["Topic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "Key"}
    users = [
        statement
        for statement in resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert [as_list(each["Action"]) for each in users] == [["kms:Decrypt", "kms:GenerateDataKey"]]
