"""What AWS' transform makes of the template, and what that comes to with given parameters."""

from typing import Any

import pytest

from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, Template
from tests.support.transformed import NO_VALUE, Stack, transformed

DATABASE = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!cluster-1-AbCdEf"
TOKEN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hf-AbCdEf"
PASSWORD = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:redis-AbCdEf"
OWN = {"RedisUrl": "rediss://redis.example:6379"}
NETWORK = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
# Two stacks that differ in one parameter.
CHANGES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {"Architecture": "x86_64"}),
    ({}, {"AskMemory": "2048"}),
    ({}, {"LogLevel": "DEBUG"}),
    ({}, {"SnapStart": "off"}),
    ({}, {"CacheName": "another"}),
    ({}, {"HuggingFaceTokenSecret": TOKEN}),
    ({}, {"DatabaseUrlSecret": DATABASE}),
    ({}, {"DatabaseAddress": "postgresql://host/notes"}),
    ({}, OWN),
    (OWN, {"RedisUrl": "rediss://another.example:6379"}),
    (OWN, {"RedisCluster": "true"}),
    (OWN, {"RedisReplicas": "1"}),
    (OWN, {"RedisPasswordSecret": PASSWORD}),
    (OWN | {"RedisPasswordSecret": PASSWORD}, {"RedisPasswordSecret": f"{PASSWORD[:-1]}g"}),
    ({}, NETWORK),
    (NETWORK, {"SubnetIds": "subnet-1,subnet-3"}),
    (NETWORK, {"SecurityGroupIds": "sg-2"}),
    # And those that ask has nothing of.
    ({}, {"RedisCluster": "true"}),
    ({}, {"RedisReplicas": "1"}),
    ({}, {"CorsOrigins": "https://app.example"}),
    ({}, {"RequestsPerSecond": "9"}),
    ({}, {"InvalidateConcurrency": "9"}),
    ({}, {"LogDays": "7"}),
    ({}, {"Dashboard": "on"}),
]


def resources(kind: str, template: Template) -> dict[str, Any]:
    found = template["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == kind}


def policy_id(stack: Stack, name: str) -> str:
    """What identifies a policy: another description makes another one."""
    given = stack.resolve(MAIN_TEMPLATE["Resources"]["Roles"]["Properties"]["Parameters"])
    roles = TEMPLATES["infra/aws/roles.yaml"]
    description = Stack(roles, None, **given).resolve(roles["Resources"][name]["Properties"])
    assert len(description["Description"]) <= 1000
    return f"ANPA{hash(description['Description']) % 10**17:017}"


def deployed(**parameters: str) -> Stack:
    template = transformed()
    before = Stack(template, None, **parameters)
    name = before.resolve(MAIN_TEMPLATE["Resources"]["Cache"]["Properties"]["Parameters"]["Name"])
    attributes = {
        "Cache.Outputs.Url": f"rediss://{name}-abc123.serverless.euc1.cache.amazonaws.com:6379",
        "Cache.Outputs.Name": name,
        "Roles.Outputs.SecretsId": policy_id(before, "ReadSecrets"),
        "Roles.Outputs.PasswordId": policy_id(before, "ReadRedisPassword"),
        "Roles.Outputs.NetworkId": policy_id(before, "UseVpc"),
    }
    return Stack(template, attributes, **parameters)


def version(stack: Stack) -> str:
    ((_, found),) = resources("AWS::Lambda::Version", transformed()).items()
    return str(stack.resolve(found)["Description"])


def function(stack: Stack) -> Template:
    """What of ask a version freezes."""
    found: Template = stack.resolve(
        resources("AWS::Lambda::Function", transformed())["AskFunction"]
    )
    return {name: each for name, each in found.items() if name != "ReservedConcurrentExecutions"}


def api() -> Template:
    body: Template = transformed()["Resources"]["Api"]["Properties"]["Body"]
    return body


def operations() -> dict[str, Template]:
    """Each route's, with the dashboard's page."""
    paths = deployed(Dashboard="on").resolve(api()["paths"])
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def cors(origins: str) -> Any:
    # The transform itself puts parameters into an API's definition.
    template = transformed(CorsOrigins=origins)
    found = template["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    return Stack(template, CorsOrigins=origins).resolve(found)


def test_pages_of_the_named_sites_may_call_the_api_and_send_and_see_what_it_knows() -> None:
    assert cors("https://app.example,https://other.example") == {
        "allowOrigins": ["https://app.example", "https://other.example"],
        "allowMethods": ["GET", "POST"],
        "allowHeaders": [
            "authorization",
            "cache-control",
            "content-type",
            "traceparent",
            "x-correlation-id",
        ],
        "exposeHeaders": ["apigw-requestid", "cache-status", "retry-after"],
        "maxAge": 600,
    }


def test_without_a_site_there_is_no_cors() -> None:
    assert cors("") is NO_VALUE


@pytest.mark.parametrize(("stack", "change"), CHANGES)
def test_ask_has_another_version_where_a_parameter_changes_it_and_only_there(
    stack: dict[str, str], change: dict[str, str]
) -> None:
    """Lambda refuses to publish what it has published already."""
    before, after = deployed(**stack), deployed(**stack | change)
    assert (version(before) != version(after)) == (function(before) != function(after))


def test_a_version_s_description_is_never_too_long() -> None:
    network = {"SubnetIds": ",".join(["subnet-1"] * 16), "SecurityGroupIds": "sg-1,sg-2,sg-3"}
    longest = MAIN_TEMPLATE["Parameters"]["RedisUrl"]["MaxLength"]
    url = "rediss://".ljust(longest, "r")
    described = version(
        deployed(
            RedisUrl=url,
            LogLevel="CRITICAL",
            AskMemory="10240",
            RedisCluster="false",
            Architecture="x86_64",
            DatabaseUrlSecret=DATABASE,
            RedisPasswordSecret=PASSWORD,
            **network,
        )
    )
    assert len(described) <= 256
    assert url in described


@pytest.mark.parametrize("what", ["layer", "code"])
def test_ask_has_another_version_with_another_layer_and_with_other_code(what: str) -> None:
    before, after = transformed(), transformed(**{what: "two"})
    (one,), (other,) = (resources("AWS::Lambda::Version", each) for each in (before, after))
    assert one != other


def test_only_what_starts_from_a_snapshot_is_called_by_an_alias() -> None:
    """Then a change of layer or parameter is live with the function itself."""
    template = transformed()
    functions = resources("AWS::Lambda::Function", template)
    assert {name for name, each in functions.items() if "SnapStart" in each} == {"AskFunction"}
    ((alias, properties),) = resources("AWS::Lambda::Alias", template).items()
    (current,) = resources("AWS::Lambda::Version", template)
    assert properties["FunctionName"] == {"Ref": "AskFunction"}
    assert properties["FunctionVersion"] == {"Fn::GetAtt": [current, "Version"]}
    for route, operation in operations().items():
        uri = operation["x-amazon-apigateway-integration"]["uri"]
        asks = route in {"POST /assistant/query", "POST /assistant/feedback", "GET /health"}
        assert (f"/{alias}/" in uri) == asks, route
    allowed = resources("AWS::Lambda::Permission", template)
    for name, permission in allowed.items():
        owner = alias if name.startswith("Ask") else f"{name.partition('Function')[0]}Function"
        assert permission["FunctionName"] == {"Ref": owner}
    ((_, source),) = resources("AWS::Lambda::EventSourceMapping", template).items()
    assert source["FunctionName"] == {"Ref": "InvalidateFunction"}


def test_a_version_that_the_alias_has_left_costs_nothing_any_more() -> None:
    (found,) = (
        each
        for each in transformed()["Resources"].values()
        if each["Type"] == "AWS::Lambda::Version"
    )
    assert found["DeletionPolicy"] == "Delete"


def test_every_route_wants_a_token_but_health_and_the_page() -> None:
    free = {"GET /health", "GET /assistant/dashboard"}
    found = operations()
    assert len(found) == 6
    for route, operation in found.items():
        assert operation["security"] == [{"NONE" if route in free else "Tokens": []}], route


@pytest.mark.parametrize(
    ("given", "issuer", "audience"),
    [
        ({}, "People.Outputs.Issuer", "People.Outputs.Audience"),
        ({"Issuer": "https://i.example", "Audience": "us"}, "https://i.example", "us"),
    ],
)
def test_tokens_are_the_issuer_s_for_the_audience(
    given: dict[str, str], issuer: str, audience: str
) -> None:
    found = deployed(**given).resolve(api()["components"]["securitySchemes"]["Tokens"])
    authorizer = found["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "jwt"
    assert authorizer["identitySource"] == "$request.header.Authorization"
    assert authorizer["jwtConfiguration"] == {"issuer": issuer, "audience": [audience]}


def test_requests_are_throttled_and_those_of_strangers_more() -> None:
    stack = deployed(RequestsPerSecond="7", RequestsAtOnce="9")
    ((_, stage),) = resources("AWS::ApiGatewayV2::Stage", transformed()).items()
    limits = stack.resolve(stage)
    assert limits["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": "7",
        "ThrottlingBurstLimit": "9",
    }
    assert limits["RouteSettings"]["GET /health"]["ThrottlingRateLimit"] <= 5


def test_the_dashboard_s_function_is_told_of_no_cache() -> None:
    found = resources("AWS::Lambda::Function", transformed())["DashboardFunction"]
    stack = deployed(**OWN, RedisPasswordSecret=PASSWORD)
    variables = stack.resolve(found)["Environment"]["Variables"]
    assert not any(
        value for name, value in variables.items() if name.endswith(("URL", "NAME", "SECRET"))
    )


@pytest.mark.parametrize(("given", "name"), [({}, "tercet-1234567b63df"), (NETWORK, "-vpc")])
def test_a_cache_s_name_is_its_stack_s_own_and_another_in_a_network(
    given: dict[str, str], name: str
) -> None:
    """Whatever hyphens the region or the stack's name has: those of ElastiCache's names matter."""
    made = deployed(**given).resolve(
        MAIN_TEMPLATE["Resources"]["Cache"]["Properties"]["Parameters"]
    )
    assert made["Name"].endswith(name)
    assert made["Name"].startswith("tercet-1234567b63df")
    assert len(f"{made['Name']}-functions") <= 40


@pytest.mark.parametrize(
    ("given", "rule", "holds"),
    [
        ({}, "NetworkIsWhole", True),
        (NETWORK, "NetworkIsWhole", True),
        ({"SubnetIds": "subnet-1"}, "NetworkIsWhole", False),
        ({}, "TokensAreMeantForSomebody", True),
        ({"Issuer": "https://i.example"}, "TokensAreMeantForSomebody", False),
        ({"Issuer": "https://i.example", "Audience": "us"}, "TokensAreMeantForSomebody", True),
        (OWN | {"RedisPasswordSecret": PASSWORD}, "PasswordIsOfOnesOwnRedis", True),
        (OWN, "PasswordIsOfOnesOwnRedis", True),
        ({"RedisPasswordSecret": PASSWORD}, "PasswordIsOfOnesOwnRedis", False),
    ],
)
def test_what_would_not_work_is_refused_before_anything_is_made(
    given: dict[str, str], rule: str, *, holds: bool
) -> None:
    (assertion,) = transformed()["Rules"][rule]["Assertions"]
    assert Stack(transformed(), None, **given).resolve(assertion["Assert"]) is holds


def test_no_name_grows_with_the_stack_s() -> None:
    """A function's may have 64 characters, and a stack's 128."""
    assert not any(
        "FunctionName" in each for each in resources("AWS::Lambda::Function", MAIN_TEMPLATE)
    )
    for each in resources("AWS::Lambda::Function", transformed()).values():
        assert "FunctionName" not in each


def test_all_outputs_are_of_what_there_is() -> None:
    """Of nested stacks, too: lint does not look into them."""
    attributes = {
        f"{name}.Outputs.{output}"
        for name, resource in MAIN_TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
        for output in TEMPLATES[resource["Properties"]["TemplateURL"]].get("Outputs", {})
    }
    asked = set(_asked(MAIN_TEMPLATE))
    assert asked <= attributes
    assert {"DeadLettersArn", "DeadLettersUrl", "ApiUrl", "QueueArn"} <= MAIN_TEMPLATE[
        "Outputs"
    ].keys()


def _asked(value: Any) -> list[str]:
    if isinstance(value, dict):
        if "Fn::GetAtt" in value and value["Fn::GetAtt"][1].startswith("Outputs."):
            return [".".join(value["Fn::GetAtt"])]
        return [found for inner in value.values() for found in _asked(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _asked(inner)]
    return []
