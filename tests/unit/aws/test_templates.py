"""Parameters, settings, queues, logs and the cache of the templates."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from infra.outbox.settings import DATABASE_SETTINGS, OutboxSettings
from shared.settings import Settings
from shared.variables import read_variables
from tests.support.cloudformation import Stack
from tests.support.sam import ROOT
from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, Template, as_list, functions, of_type

SETTINGS = {setting.metadata["variable"]: setting for setting in fields(Settings)}
OUTBOX_SETTINGS = {setting.metadata["variable"] for setting in fields(OutboxSettings)}

PARAMETERS = MAIN_TEMPLATE["Parameters"]


def environment(function: Template) -> dict[str, Any]:
    own: dict[str, Any] = function.get("Environment", {}).get("Variables", {})
    shared: dict[str, Any] = MAIN_TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return shared | own


def references(value: Any) -> Iterator[tuple[str, str]]:
    """The kind and the target of each Ref, Fn::GetAtt, Fn::If, Condition and Fn::Sub."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    if not isinstance(value, dict):
        return
    for name, argument in value.items():
        match name, argument:
            case "Ref", str():
                yield "value", argument
            case "Fn::GetAtt", list():
                yield "resource", argument[0]
            case "Fn::If", list():
                yield "condition", argument[0]
            case "Condition", str():
                yield "condition", argument
            case "Fn::Sub", str() | list():
                text, own = (argument, {}) if isinstance(argument, str) else argument
                targets = set(re.findall(r"\$\{([^!}]+)\}", text)) - own.keys()
                yield from (("value", target.partition(".")[0]) for target in targets)
        yield from references(argument)


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_reference_of_a_template_has_a_target(path: str) -> None:
    """`sam validate --lint` checks more, but takes 11 seconds."""
    template = TEMPLATES[path]
    resources, conditions = template["Resources"].keys(), template.get("Conditions", {}).keys()
    values = resources | template.get("Parameters", {}).keys()
    targets = {"value": values, "resource": resources, "condition": conditions}
    found = set(references({name: template.get(name, {}) for name in ("Conditions", "Outputs")}))
    found |= set(references(template["Resources"]))
    assert found
    for kind, target in found:
        assert target.startswith("AWS::") or target in targets[kind], (kind, target)
    used = {target for _, target in found} | {target for _, target in references(template)}
    assert not (values - resources) - used, "a parameter is unused"


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_parameter_has_a_description(path: str) -> None:
    for name, parameter in TEMPLATES[path].get("Parameters", {}).items():
        assert len(parameter["Description"]) > 10, name


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_has_a_valid_default(name: str) -> None:
    parameter = PARAMETERS[name]
    default = parameter["Default"]
    assert re.search(parameter.get("AllowedPattern", ""), str(default))
    assert default in parameter.get("AllowedValues", [default])
    assert len(str(default)) <= parameter.get("MaxLength", len(str(default)))
    if parameter["Type"] == "Number":
        assert parameter.get("MinValue", 0) <= default <= parameter.get("MaxValue", default)


ADDRESSES: dict[str, dict[str, list[str]]] = {
    "RedisUrl": {
        "valid": ["redis://host:6379", "rediss://host.example:6379/1", ""],
        "invalid": [
            *("redis://:word@host:6379", "rediss://a:b@host", "http://host", "host:6379"),
            *("rediss://host?password=word", "rediss://host/1?db=1&username=ann"),
            *("rediss://host?pass%77ord=word", "rediss://host#word", "rediss://host ?password=a"),
        ],
    },
    "DatabaseAddress": {
        "valid": [
            *("postgresql://host/notes", "postgres://host:5432/notes?sslmode=verify-full", ""),
            "postgresql://host/notes?sslmode=verify-full&sslrootcert=/opt/authorities/rds.pem",
        ],
        "invalid": [
            *("postgresql://user:word@host/notes", "mysql://host/notes", "host/notes"),
            *("postgresql://host/notes?password=word", "postgresql://host/notes?user=ann"),
            *(
                "postgresql://host/notes?sslmode=require&password=word",
                "postgres://host?a=b&user=c",
            ),
            *("postgresql://host/notes?passfile=/x", "postgresql://host/notes?sslpassword=word"),
            *(
                "postgresql://host/notes?pass%77ord=word",
                "postgresql://host/notes?sslmode=a?user=b",
            ),
        ],
    },
    "ChatUrl": {
        "valid": ["https://host.example/v1/chat/completions", ""],
        "invalid": ["http://host", "https://me:word@host", "https://host?api_key=word"],
    },
    "EmbeddingUrl": {
        "valid": ["https://host.example/v1/embeddings", ""],
        "invalid": ["http://host", "https://me:word@host", "https://host?api_key=word"],
    },
    "JwksUrl": {
        "valid": ["https://issuer.example/keys", ""],
        "invalid": ["http://issuer.example", "https://me:word@host", "https://host?key=word"],
    },
    "TracesEndpoint": {
        "valid": ["https://collector.example:4318", "http://10.0.0.7:4318", ""],
        "invalid": ["collector:4318", "https://me:word@host", "https://host?token=word"],
    },
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_parameter_takes_no_credentials(name: str) -> None:
    """Environment variables of a function are readable in the console."""
    pattern = PARAMETERS[name]["AllowedPattern"]
    for url in ADDRESSES[name]["valid"]:
        assert re.search(pattern, url), url
    for url in ADDRESSES[name]["invalid"]:
        assert not re.search(pattern, url), url


def test_every_address_parameter_is_in_the_table() -> None:
    """All but `Issuer`, which is public and in each token, and `CorsOrigins`."""
    addresses = {
        name for name, each in PARAMETERS.items() if "://" in each.get("AllowedPattern", "")
    }
    assert addresses - {"Issuer", "CorsOrigins"} == ADDRESSES.keys()


@pytest.mark.parametrize(
    ("name", "valid"),
    [("tercet", True), ("a-b-9", True), ("a--b", False), ("a-", False), ("A", False), ("9", False)],
)
def test_cache_name_follows_the_rules_of_elasticache(name: str, *, valid: bool) -> None:
    assert bool(re.search(PARAMETERS["CacheName"]["AllowedPattern"], name)) is valid


@pytest.mark.parametrize(
    ("origins", "valid"),
    [("https://a.example,http://localhost:3000", True), ("*", False), ("a.example", False)],
)
def test_cors_origins_must_be_origins(origins: str, *, valid: bool) -> None:
    assert bool(re.search(PARAMETERS["CorsOrigins"]["AllowedPattern"], origins)) is valid


@pytest.mark.parametrize("name", functions())
def test_function_environment_holds_only_known_settings(name: str) -> None:
    adapter = {name for name in environment(functions()[name]) if name.startswith("AWS_L")}
    known = SETTINGS.keys() | OUTBOX_SETTINGS | {f"OUTBOX_{each}" for each in DATABASE_SETTINGS}
    assert environment(functions()[name]).keys() - adapter <= known
    assert bool(adapter) is (name == "StreamFunction")


@pytest.mark.parametrize("name", functions())
def test_no_environment_holds_a_secret(name: str) -> None:
    variables = environment(functions()[name])
    assert variables.get("HF_TOKEN", "") == ""
    assert variables.get("DATABASE_URL", "") in ("", {"Ref": "DatabaseAddress"})
    secrets = {variable for variable in variables if variable.endswith("_SECRET")}
    expected = {"HF_TOKEN_SECRET", "DATABASE_URL_SECRET"}
    of_outbox = {"OUTBOX_DATABASE_URL_SECRET"} if name == "OutboxFunction" else set()
    assert secrets - {"REDIS_CACHE_PASSWORD_SECRET"} == (
        of_outbox if name in {"StatsFunction", "DashboardFunction", "OutboxFunction"} else expected
    )
    password = {"Ref": "RedisPasswordSecret"}
    assert variables["REDIS_CACHE_PASSWORD_SECRET"] == (
        "" if name in {"DashboardFunction", "OutboxFunction"} else password
    )


def test_outbox_is_relayed_only_on_request() -> None:
    assert PARAMETERS["OutboxSchedule"]["Default"] == ""
    assert MAIN_TEMPLATE["Resources"]["OutboxFunction"]["Condition"] == "RelayOutbox"


def test_warming_has_a_function_and_a_queue_of_its_own_unless_it_is_off() -> None:
    names = ("WarmFunction", "WarmLog", "WarmQueue")
    for option in PARAMETERS["CacheWarming"]["AllowedValues"]:
        stack = Stack(
            MAIN_TEMPLATE, {"WarmQueue.Outputs.Url": "https://queue"}, CacheWarming=option
        )
        conditions = {MAIN_TEMPLATE["Resources"][name]["Condition"] for name in names}
        assert [stack.holds(each) for each in conditions] == [option != "off"]
        variables = stack.resolve(environment(functions()["InvalidateFunction"]))
        assert variables["WARM_QUEUE_URL"] == ("" if option == "off" else "https://queue")


def test_warming_answers_as_ask_does_at_a_low_concurrency() -> None:
    ask, warm = (functions()[f"{name}Function"] for name in ("Ask", "Warm"))
    budget = {"WARM_DAILY_BUDGET": {"Ref": "WarmDailyBudget"}}
    variables = environment(ask)
    del variables["WARM_QUEUE_URL"]  # it sends nothing
    assert environment(warm) == variables | budget
    assert warm["VpcConfig"] == ask["VpcConfig"]
    source = warm["Events"]["Messages"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (source["BatchSize"], source["ScalingConfig"]) == (
        1,
        {"MaximumConcurrency": {"Ref": "WarmMaxConcurrency"}},
    )
    queue = MAIN_TEMPLATE["Resources"]["WarmQueue"]["Properties"]["Parameters"]
    assert queue["VisibilitySeconds"] >= 6 * warm["Timeout"]
    # A message must be received as often as the queue allows before it expires.
    assert queue["RetentionSeconds"] > queue["MaxReceives"] * queue["VisibilitySeconds"]


def test_changes_are_applied_to_a_disabled_cache() -> None:
    """Else it would serve old answers after it is enabled again."""
    assert environment(functions()["AskFunction"])["CACHE_ENABLED"] == {"Ref": "CacheEnabled"}
    assert "CACHE_ENABLED" not in environment(functions()["InvalidateFunction"])


def test_notes_have_the_access_of_invalidate() -> None:
    """They apply the same changes, on a disabled cache too."""
    notes, invalidate = (functions()[f"{name}Function"] for name in ("Notes", "Invalidate"))
    queue = {"DEBEZIUM_COLUMNS"}  # only messages may be change events of Debezium
    shared = {
        name: environment(invalidate)[name] for name in environment(invalidate).keys() - queue
    }
    assert environment(notes) == shared | {"NOTES_API": "true"}
    assert notes["VpcConfig"] == invalidate["VpcConfig"]
    for name, policy, _ in of_type("AWS::IAM::ManagedPolicy"):
        roles = str(policy["Properties"]["Roles"])
        assert ("'Notes'" in roles) == ("'Invalidate'" in roles), name


def test_dashboards_of_two_regions_have_two_names() -> None:
    """CloudWatch dashboards are global: two stacks of one name would share one."""
    stacks = [Stack(MAIN_TEMPLATE), Stack(MAIN_TEMPLATE)]
    stacks[1]._known["AWS::Region"] = "us-east-1"
    parameters = MAIN_TEMPLATE["Resources"]["DashboardStack"]["Properties"]["Parameters"]
    urls = [stack.resolve(MAIN_TEMPLATE["Outputs"]["DashboardUrl"]["Value"]) for stack in stacks]
    for stack, url in zip(stacks, urls, strict=True):
        assert url.endswith(f"#dashboards:name={stack.resolve(parameters['Name'])}")
    assert len({stack.resolve(parameters["Name"]) for stack in stacks}) == 2


def test_local_environment_file_holds_only_declared_variables() -> None:
    """`sam local` silently ignores variables that the template does not declare."""
    local = json.loads((ROOT / "infra" / "aws" / "local.env.json").read_text("utf-8"))
    config = (ROOT / "samconfig.toml").read_text("utf-8")
    assert config.count('env_vars = "infra/aws/local.own.json"') == 2
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "infra/aws/local.own.json" in ignored, "the file holds credentials"
    assert local["Parameters"].keys() <= environment(functions()["AskFunction"]).keys()


def test_model_timeout_is_below_function_timeout_is_below_gateway_timeout() -> None:
    longest = PARAMETERS["ModelTimeout"]["MaxValue"]
    assert longest < functions()["AskFunction"]["Timeout"] < 30


# Settings that no operator of this deployment needs to change, with the reason.
WITHOUT_PARAMETER = {
    "AWS_REGION": "Lambda sets it",
    "TERCET_LOCAL": "Lambda refuses it",
    "PUSH_SUBJECTS": "no function takes pushed changes",
    "REDIS_CACHE_HOST": "RedisUrl is set",
    "REDIS_CACHE_PORT": "RedisUrl is set",
    "REDIS_CACHE_CONNECTIONS": "a container answers one question at a time",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "TracesEndpoint is set",
    "OTEL_TRACES_EXPORTER": "TracesEndpoint is set",
    "OTEL_SDK_DISABLED": "TracesEndpoint is empty",
    **dict.fromkeys(("CHUNK_WORDS", "CHUNK_OVERLAP_WORDS"), "measured"),
    **dict.fromkeys(("SEMANTIC_VERIFIER_FROM", "SEMANTIC_VERIFIER_UNTIL"), "measured"),
    **dict.fromkeys((name for name in SETTINGS if name.startswith("BREAKER_")), "measured"),
}


def test_every_setting_is_in_the_environment_or_needs_no_parameter() -> None:
    declared = {variable for name in functions() for variable in environment(functions()[name])}
    assert SETTINGS.keys() - declared == WITHOUT_PARAMETER.keys()


def test_a_parameter_of_a_setting_has_its_default_and_stays_within_its_limits() -> None:
    ask, invalidate = (
        environment(functions()[f"{name}Function"]) for name in ("Ask", "Invalidate")
    )
    found = 0
    for variable, value in (ask | invalidate).items():
        parameter = PARAMETERS.get(value.get("Ref"), {}) if isinstance(value, dict) else {}
        if parameter.get("Default", "") != "":
            setting, found = SETTINGS[variable], found + 1
            given, _ = read_variables([setting], {variable: str(parameter["Default"])})
            assert given == {setting.name: setting.default}
            least, greatest = setting.metadata["range"]
            if least is not None and "MinValue" in parameter:
                assert parameter["MinValue"] >= least, variable
                assert parameter.get("MaxValue", greatest) <= greatest, variable
            assert set(parameter.get("AllowedValues", ())) >= set(setting.metadata["one_of"])
    assert found > 20


@pytest.mark.parametrize("name", functions())
def test_function_has_a_handler_and_a_makefile_target(name: str) -> None:
    packaging = ROOT / MAIN_TEMPLATE["Globals"]["Function"]["CodeUri"]
    module, _, handler = functions()[name]["Handler"].rpartition(".")
    if handler == "sh":
        assert os.access(packaging / "run.sh", os.X_OK)
    else:
        source = ROOT / f"{module.replace('.', '/')}.py"
        assert f"\n{handler} = " in source.read_text("utf-8")
    assert f"build-{name}" in (packaging / "Makefile").read_text("utf-8")


def test_queue_reports_batch_item_failures_and_has_a_long_visibility_timeout() -> None:
    function = functions()["InvalidateFunction"]
    source = function["Events"]["Changes"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "InvalidateMaxConcurrency"}}
    visibility_timeout = MAIN_TEMPLATE["Resources"]["Queue"]["Properties"]["Parameters"][
        "VisibilitySeconds"
    ]
    assert visibility_timeout >= 6 * function["Timeout"]


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
            assert queue["MessageRetentionPeriod"] == {"Ref": "DeadLetterRetentionSeconds"}
    parameters = TEMPLATES["infra/aws/queue.yaml"]["Parameters"]
    assert parameters["DeadLetterRetentionSeconds"]["Default"] == 14 * 86_400


def test_dead_letter_queue_accepts_messages_of_its_queue_only() -> None:
    resources = TEMPLATES["infra/aws/queue.yaml"]["Resources"]
    allowed = resources["DeadLetterQueue"]["Properties"]["RedriveAllowPolicy"]
    stack = Stack(TEMPLATES["infra/aws/queue.yaml"])
    name = stack.resolve(resources["Queue"]["Properties"]["QueueName"])
    assert len(name) <= 80
    assert stack.resolve(allowed) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:aws:sqs:eu-central-1:123456789012:{name}"],
    }


def test_every_queue_is_encrypted_and_requires_tls() -> None:
    deny_statements = {}
    for _, policy, _ in of_type("AWS::SQS::QueuePolicy"):
        (queue,) = policy["Properties"]["Queues"]
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        deny_statements[queue["Ref"]] = statement
    for name, queue, _ in of_type("AWS::SQS::Queue"):
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert deny_statements[name] == {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": {"Fn::GetAtt": [name, "Arn"]},
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


def test_every_log_group_has_a_retention_and_every_function_a_log_group() -> None:
    groups = {name: group["Properties"] for name, group, _ in of_type("AWS::Logs::LogGroup")}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    log_groups = {each["LoggingConfig"]["LogGroup"]["Ref"] for each in functions().values()}
    api = MAIN_TEMPLATE["Resources"]["Api"]["Properties"]
    log_groups |= {api["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"][0]}
    assert log_groups == groups.keys()


def test_access_log_is_json_without_caller_data() -> None:
    line = json.loads(
        MAIN_TEMPLATE["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]
    )
    assert line["status"] == "$context.status"
    assert not re.search(r"identity|claims|path\b|querystring|authorization", json.dumps(line))


def test_cache_requires_iam_and_is_private_in_a_vpc() -> None:
    resources = TEMPLATES["infra/aws/cache.yaml"]["Resources"]
    cache = resources["Cache"]["Properties"]
    assert (cache["Engine"], cache["MajorEngineVersion"]) == ("valkey", "9")
    assert cache["ConnectionType"] == {"Fn::If": ["InVpc", "vpc", "public"]}
    assert cache["UserGroupId"] == {"Ref": "UserGroup"}
    assert resources["UserGroup"]["Properties"]["UserIds"] == [{"Ref": "User"}]
    user = resources["User"]["Properties"]
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert user["UserId"] == user["UserName"]
    assert TEMPLATES["infra/aws/cache.yaml"]["Outputs"]["Url"]["Value"]["Fn::Sub"].startswith(
        "rediss://"
    )


def test_alarm_topic_key_allows_cloudwatch() -> None:
    resources = TEMPLATES["infra/aws/alarm_topic.yaml"]["Resources"]
    assert resources["Topic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "Key"}
    users = [
        statement
        for statement in resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert [as_list(each["Action"]) for each in users] == [["kms:Decrypt", "kms:GenerateDataKey"]]


def test_function_that_streams_answers_as_ask_does() -> None:
    """It has the settings of ask, and those of the adapter and of the tokens that it verifies."""
    ask, stream = (environment(functions()[name]) for name in ("AskFunction", "StreamFunction"))
    own = {name for name in stream if name.startswith(("AWS_L", "AUTH_", "CORS_"))}
    assert {name: stream[name] for name in stream.keys() - own} == {
        name: ask[name] for name in ask.keys() - own
    }
    ((_, url, _),) = of_type("AWS::Lambda::Url")
    assert url["Properties"]["InvokeMode"] == "RESPONSE_STREAM"
    for name in ("AUTH_JWKS_URL", "AUTH_ISSUER", "AUTH_AUDIENCE"):
        assert Stack(MAIN_TEMPLATE).resolve(stream[name]), name
