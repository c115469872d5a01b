"""The template after the SAM transform, resolved with given parameters."""

import re
from typing import Any

import pytest

from tests.support.cloudformation import NO_VALUE, Stack, sam_transform
from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, Template

pytestmark = pytest.mark.aws

DATABASE = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!cluster-1-AbCdEf"
TOKEN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hf-AbCdEf"
PASSWORD = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:redis-AbCdEf"
EXISTING_REDIS = {"RedisUrl": "rediss://redis.example:6379"}
NETWORK = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
# Another value of each parameter, and the parameters that it requires.
OTHER_VALUES: dict[str, tuple[str, dict[str, str]]] = {
    "Architecture": ("x86_64", {}),
    "Issuer": ("https://issuer.example", {}),
    "Audience": ("another", {"Issuer": "https://issuer.example"}),
    "CorsOrigins": ("https://app.example", {}),
    "Streaming": ("on", {}),
    "JwksUrl": ("https://issuer.example/keys", {"Streaming": "on"}),
    "WebAdapterLayer": ("arn:aws:lambda:eu-central-1:1:layer:adapter:1", {"Streaming": "on"}),
    "NotesApi": ("on", {}),
    "BasePath": ("/tercet", {}),
    "RateLimit": ("9", {}),
    "BurstLimit": ("9", {}),
    "DashboardPage": ("on", {}),
    "CacheName": ("another", {}),
    "CacheStorageLimitGB": ("9", {}),
    "CacheEnabled": ("false", {}),
    "AnswerTtl": ("9", {}),
    "AnswerTtlMax": ("9", {}),
    "ContextTtl": ("9", {}),
    "EmbeddingTtl": ("9", {}),
    "StaleIfErrorSeconds": ("9", {}),
    "MaxQuestions": ("9", {}),
    "EmbeddingsPerUser": ("true", {}),
    "SimilarityThreshold": ("0.9", {}),
    "CandidateCosine": ("0.9", {}),
    "JudgedShare": ("0.1", {}),
    "WrongTarget": ("0.01", {}),
    "SemanticMatcher": ("model", {}),
    "SemanticVerifier": ("none", {}),
    "VocabularyPacks": ("none", {}),
    "RedisUrl": ("rediss://another.example:6379", EXISTING_REDIS),
    "RedisPasswordSecret": (PASSWORD, EXISTING_REDIS),
    "RedisCluster": ("true", EXISTING_REDIS),
    "RedisReplicas": ("1", EXISTING_REDIS),
    "RedisTimeout": ("0.2", {}),
    "SubnetIds": ("subnet-1,subnet-3", NETWORK),
    "SecurityGroupIds": ("sg-2", NETWORK),
    "HuggingFaceTokenSecret": (TOKEN, {}),
    "DatabaseUrlSecret": (DATABASE, {}),
    "DatabaseAddress": ("postgresql://host/notes", {"DatabaseUrlSecret": DATABASE}),
    "ChatUrl": ("https://host.example/v1/chat/completions", {}),
    "ChatModel": ("another", {}),
    "ReasoningEffort": ("low", {}),
    "ReasoningWithoutOpeningTag": ("true", {}),
    "ModelTimeout": ("9", {}),
    "AnswerMaxTokens": ("2000", {}),
    "SystemPrompt": ("Answer in verse.", {}),
    "RetrievedChunks": ("9", {}),
    "PromptContextTokens": ("2000", {}),
    "ExtractiveFallback": ("false", {}),
    "BillTo": ("another", {}),
    "PromptPrice": ("0.2", {}),
    "CompletionPrice": ("0.2", {}),
    "EmbeddingUrl": ("https://host.example/v1/embeddings", {}),
    "EmbeddingModel": ("another", {}),
    "EmbeddingDimensions": ("1024", {}),
    "EmbeddingMaxTokens": ("512", {}),
    "EmbeddingQueryPrefix": ("query: ", {}),
    "EmbeddingPassagePrefix": ("passage: ", {}),
    "EmbeddingUnrelatedCosine": ("0.7", {}),
    "EmbeddingMultilingual": ("true", {}),
    "TimeZone": ("Europe/Berlin", {}),
    "UserDailyGenerations": ("9", {}),
    "UserDailyCost": ("0.5", {}),
    "CacheWarming": ("off", {}),
    "WarmMinHits": ("2", {}),
    "WarmMaxPerChange": ("2", {}),
    "WarmDailyBudget": ("2", {}),
    "DebeziumColumns": ("user=owner,id=id,title=title,text=body", {}),
    "OutboxSchedule": ("rate(1 minute)", {}),
    "OutboxDatabaseUrlSecret": (DATABASE, {"OutboxSchedule": "rate(1 minute)"}),
    "AskMemory": ("2048", {}),
    "AskReservedConcurrency": ("9", {}),
    "InvalidateMaxConcurrency": ("9", {}),
    "WarmMaxConcurrency": ("9", {}),
    "SnapStart": ("off", {}),
    "DeploymentType": ("Canary10Percent5Minutes", {}),
    "LogLevel": ("DEBUG", {}),
    "LogQuestions": ("true", {}),
    "LogRetentionDays": ("7", {}),
    "TracesEndpoint": ("https://collector.example:4318", {}),
    "AlarmEmail": ("ann@example.org", {}),
}
# Changes that the table does not have: from one given value, or from none, to another.
FURTHER_CHANGES = [
    ({}, EXISTING_REDIS),
    ({}, NETWORK),
    (
        EXISTING_REDIS | {"RedisPasswordSecret": PASSWORD},
        {"RedisPasswordSecret": f"{PASSWORD[:-1]}g"},
    ),
]
CHANGES = [
    *((required, {name: value}) for name, (value, required) in OTHER_VALUES.items()),
    *FURTHER_CHANGES,
]


def resources(kind: str, template: Template) -> dict[str, Any]:
    found = template["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == kind}


def policy_id(stack: Stack, name: str) -> str:
    """Derive a policy id from the description; CloudFormation replaces the policy with it."""
    parameters = stack.resolve(MAIN_TEMPLATE["Resources"]["Roles"]["Properties"]["Parameters"])
    roles = TEMPLATES["infra/aws/roles.yaml"]
    description = Stack(roles, None, **parameters).resolve(roles["Resources"][name]["Properties"])
    assert len(description["Description"]) <= 1000
    return f"ANPA{hash(description['Description']) % 10**17:017}"


def deployed(**parameters: str) -> Stack:
    template = sam_transform()
    before = Stack(template, None, **parameters)
    name = before.resolve(MAIN_TEMPLATE["Resources"]["Cache"]["Properties"]["Parameters"]["Name"])
    cache = {
        "Cache.Outputs.Url": f"rediss://{name}-abc123.serverless.euc1.cache.amazonaws.com:6379",
        "Cache.Outputs.Name": name,
    }
    before = Stack(template, cache, **parameters)
    attributes = cache | {
        "Roles.Outputs.SettingsId": policy_id(before, "WriteAskLog"),
        "Roles.Outputs.AnswerSettingsId": policy_id(before, "CreateAskLogStream"),
        "Roles.Outputs.SecretsId": policy_id(before, "ReadSecrets"),
        "Roles.Outputs.PasswordId": policy_id(before, "ReadRedisPassword"),
        "Roles.Outputs.NetworkId": policy_id(before, "UseVpc"),
    }
    return Stack(template, attributes, **parameters)


def version(stack: Stack) -> str:
    ((_, found),) = resources("AWS::Lambda::Version", sam_transform()).items()
    return str(stack.resolve(found)["Description"])


def function(stack: Stack) -> Template:
    """The properties of ask that are part of a version."""
    found: Template = stack.resolve(
        resources("AWS::Lambda::Function", sam_transform())["AskFunction"]
    )
    return {name: each for name, each in found.items() if name != "ReservedConcurrentExecutions"}


def api() -> Template:
    body: Template = sam_transform()["Resources"]["Api"]["Properties"]["Body"]
    return body


def operations() -> dict[str, Template]:
    """The OpenAPI operation of each route, with those of each option."""
    paths = deployed(DashboardPage="on", NotesApi="on").resolve(api()["paths"])
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def cors(origins: str) -> Any:
    # The transform resolves parameters in the API definition.
    template = sam_transform(CorsOrigins=origins)
    found = template["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    return Stack(template, CorsOrigins=origins).resolve(found)


def test_cors_allows_the_origins_methods_and_headers() -> None:
    assert cors("https://app.example,https://other.example") == {
        "allowOrigins": ["https://app.example", "https://other.example"],
        "allowMethods": ["GET", "HEAD", "POST", "PUT", "DELETE"],
        "allowHeaders": [
            "authorization",
            "cache-control",
            "content-type",
            "if-match",
            "if-none-match",
            "traceparent",
            "tracestate",
            "x-correlation-id",
        ],
        "exposeHeaders": [
            "apigw-requestid",
            "cache-status",
            "etag",
            "retry-after",
            "x-correlation-id",
        ],
        "maxAge": 600,
    }


def test_cors_is_off_without_origins() -> None:
    assert cors("") is NO_VALUE


@pytest.mark.slow  # each deploys two stacks
@pytest.mark.parametrize(("stack", "change"), CHANGES)
def test_ask_gets_a_new_version_exactly_when_a_parameter_changes_it(
    stack: dict[str, str], change: dict[str, str]
) -> None:
    """Lambda does not publish a version of an unchanged function."""
    before, after = deployed(**stack), deployed(**stack | change)
    assert (version(before) != version(after)) == (function(before) != function(after))


def test_every_parameter_has_another_value_in_the_table() -> None:
    """A new parameter must reach the version that serves."""
    assert OTHER_VALUES.keys() == MAIN_TEMPLATE["Parameters"].keys()


def test_the_longest_values_fit_into_the_descriptions_and_the_environment() -> None:
    """`policy_id` checks the limit of a policy, 1,000 characters."""
    parameters = {
        name: (each["Default"] if each["Type"] == "Number" else "x").ljust(each["MaxLength"], "x")
        for name, each in MAIN_TEMPLATE["Parameters"].items()
        if "MaxLength" in each
    }
    parameters |= {
        "SubnetIds": ",".join(["subnet-0123456789abcdef0"] * 16),
        "SecurityGroupIds": ",".join(["sg-0123456789abcdef0"] * 5),
        "DatabaseUrlSecret": DATABASE,
        "RedisPasswordSecret": PASSWORD,
    }
    stack = deployed(**parameters)
    assert len(version(stack)) <= 256
    variables = function(stack)["Environment"]["Variables"].items()
    assert sum(len(name) + len(str(value)) for name, value in variables) <= 4_096


@pytest.mark.parametrize("part", ["layer", "code"])
def test_ask_gets_a_new_version_with_a_new_layer_or_new_code(part: str) -> None:
    before, after = sam_transform(), sam_transform(**{part: "two"})
    (one,), (other,) = (resources("AWS::Lambda::Version", each) for each in (before, after))
    assert one != other


def path_of(route: str) -> str:
    """The path of a route such as `GET /v1/health`, without the version."""
    return route.partition(" ")[2].removeprefix("/v1")


def test_only_the_snapstart_function_is_invoked_through_an_alias() -> None:
    """The other functions run their latest code without a version."""
    template = sam_transform()
    functions = resources("AWS::Lambda::Function", template)
    assert {name for name, each in functions.items() if "SnapStart" in each} == {"AskFunction"}
    ((alias, properties),) = resources("AWS::Lambda::Alias", template).items()
    (current,) = resources("AWS::Lambda::Version", template)
    assert properties["FunctionName"] == {"Ref": "AskFunction"}
    assert properties["FunctionVersion"] == {"Fn::GetAtt": [current, "Version"]}
    for route, operation in operations().items():
        uri = operation["x-amazon-apigateway-integration"]["uri"]
        asks = path_of(route) in {"/assistant/query", "/assistant/feedback", "/health"}
        assert (f"/{alias}/" in uri) == asks, route
    allowed = resources("AWS::Lambda::Permission", template)
    for name, permission in allowed.items():
        owner = re.findall("[A-Z][a-z]+", name)[0]  # the first word of the name
        assert permission["FunctionName"] == {
            "Ref": alias if owner == "Ask" else f"{owner}Function"
        }
    sources = resources("AWS::Lambda::EventSourceMapping", template).values()
    assert sorted(source["FunctionName"]["Ref"] for source in sources) == [
        "InvalidateFunction",
        "WarmFunction",
    ]


def test_notes_are_served_only_on_request() -> None:
    paths = api()["paths"]
    for option, names in ("on", {"/notes", "/notes/{note_id+}", "/users/me"}), ("off", set()):
        found = {
            path.removeprefix("/v1")
            for path, methods in deployed(NotesApi=option).resolve(paths).items()
            if methods
        }
        assert {path for path in found if path.startswith(("/notes", "/users"))} == names


def test_replaced_version_is_deleted() -> None:
    (found,) = (
        each
        for each in sam_transform()["Resources"].values()
        if each["Type"] == "AWS::Lambda::Version"
    )
    assert found["DeletionPolicy"] == "Delete"


def test_every_transformed_route_requires_a_token_except_health_and_the_page() -> None:
    public = {"/health", "/assistant/dashboard"}
    found = operations()
    assert len({path_of(route) for route in found}) == 9
    for route, operation in found.items():
        authorizer = "NONE" if path_of(route) in public else "JwtAuthorizer"
        assert operation["security"] == [{authorizer: []}], route


@pytest.mark.parametrize(
    ("parameters", "issuer", "audience"),
    [
        ({}, "UserPool.Outputs.Issuer", "UserPool.Outputs.Audience"),
        ({"Issuer": "https://i.example", "Audience": "us"}, "https://i.example", "us"),
    ],
)
def test_jwt_authorizer_checks_issuer_and_audience(
    parameters: dict[str, str], issuer: str, audience: str
) -> None:
    found = deployed(**parameters).resolve(api()["components"]["securitySchemes"]["JwtAuthorizer"])
    authorizer = found["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "jwt"
    assert authorizer["identitySource"] == "$request.header.Authorization"
    assert authorizer["jwtConfiguration"] == {"issuer": issuer, "audience": [audience]}


def test_requests_are_throttled_and_public_routes_more() -> None:
    stack = deployed(RateLimit="7", BurstLimit="9")
    ((_, stage),) = resources("AWS::ApiGatewayV2::Stage", sam_transform()).items()
    limits = stack.resolve(stage)
    assert limits["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": "7",
        "ThrottlingBurstLimit": "9",
    }
    for route in ("GET /health", "GET /v1/health", "HEAD /health", "HEAD /v1/health"):
        assert limits["RouteSettings"][route]["ThrottlingRateLimit"] <= 5


def test_dashboard_function_gets_no_cache_settings() -> None:
    found = resources("AWS::Lambda::Function", sam_transform())["DashboardFunction"]
    stack = deployed(**EXISTING_REDIS, RedisPasswordSecret=PASSWORD)
    variables = stack.resolve(found)["Environment"]["Variables"]
    assert not any(
        value for name, value in variables.items() if name.endswith(("URL", "NAME", "SECRET"))
    )


@pytest.mark.parametrize(("parameters", "name"), [({}, "tercet-1234567b63df"), (NETWORK, "-vpc")])
def test_cache_name_is_unique_to_the_stack_and_the_network(
    parameters: dict[str, str], name: str
) -> None:
    """Region and stack name may contain hyphens."""
    cache = deployed(**parameters).resolve(
        MAIN_TEMPLATE["Resources"]["Cache"]["Properties"]["Parameters"]
    )
    assert cache["Name"].endswith(name)
    assert cache["Name"].startswith("tercet-1234567b63df")
    assert len(f"{cache['Name']}-functions") <= 40


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({}, ""),
        (NETWORK, ""),
        ({"SubnetIds": "subnet-1"}, "SubnetIds requires SecurityGroupIds"),
        ({"SecurityGroupIds": "sg-1"}, "SecurityGroupIds requires SubnetIds"),
        ({"Issuer": "https://i.example", "Audience": "us"}, ""),
        ({"Issuer": "https://i.example"}, "Issuer requires Audience"),
        ({"Audience": "us"}, "Audience requires Issuer"),
        (EXISTING_REDIS | {"RedisPasswordSecret": PASSWORD, "RedisCluster": "true"}, ""),
        (EXISTING_REDIS | {"RedisReplicas": "2"}, ""),
        ({"RedisPasswordSecret": PASSWORD}, "RedisPasswordSecret requires RedisUrl"),
        ({"RedisCluster": "true"}, "RedisCluster requires RedisUrl"),
        ({"RedisReplicas": "1"}, "RedisReplicas requires RedisUrl"),
        ({"CacheName": "mine", "CacheStorageLimitGB": "9"}, ""),
        (EXISTING_REDIS | {"CacheName": "mine"}, "CacheName is the name"),
        (EXISTING_REDIS | {"CacheStorageLimitGB": "9"}, "CacheStorageLimitGB is a limit"),
        ({"DatabaseUrlSecret": DATABASE, "DatabaseAddress": "postgresql://host/notes"}, ""),
        ({"DatabaseAddress": "postgresql://host/notes"}, "DatabaseAddress requires"),
        ({"OutboxDatabaseUrlSecret": DATABASE}, "OutboxDatabaseUrlSecret requires"),
        ({"OutboxDatabaseUrlSecret": DATABASE, "OutboxSchedule": "rate(5 minutes)"}, ""),
        ({"UserDailyCost": "0.5"}, ""),
        ({"CacheEnabled": "false", "UserDailyCost": "0.5"}, "UserDailyGenerations and"),
    ],
)
def test_a_combination_with_an_ignored_parameter_is_refused(
    parameters: dict[str, str], refused: str
) -> None:
    stack = Stack(sam_transform(), None, **parameters)
    failed = [
        assertion["AssertDescription"]
        for rule in sam_transform()["Rules"].values()
        if stack.resolve(rule.get("RuleCondition", True))
        for assertion in rule["Assertions"]
        if not stack.resolve(assertion["Assert"])
    ]
    assert [each.startswith(refused) for each in failed] == ([True] if refused else [])


@pytest.mark.parametrize(
    ("kind", "uses_code_deploy"),
    [
        ("AllAtOnce", False),
        ("Canary10Percent5Minutes", True),
        ("Linear10PercentEvery1Minute", True),
    ],
)
def test_a_gradual_deployment_rolls_back_when_the_new_version_fails(
    kind: str, *, uses_code_deploy: bool
) -> None:
    template = sam_transform(DeploymentType=kind)
    (alias,) = (e for e in template["Resources"].values() if e["Type"] == "AWS::Lambda::Alias")
    assert ("UpdatePolicy" in alias) is uses_code_deploy
    groups = list(resources("AWS::CodeDeploy::DeploymentGroup", template).values())
    assert len(groups) == uses_code_deploy
    for group in groups:
        stack = Stack(template, DeploymentType=kind)
        assert stack.resolve(group["DeploymentConfigName"]) == f"CodeDeployDefault.Lambda{kind}"
        alarms = stack.resolve(group["AlarmConfiguration"])
        assert alarms == {"Enabled": True, "Alarms": [{"Name": "AskVersionErrors"}]}
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert stack.holds(template["Resources"]["AskVersionErrors"]["Condition"])


def test_function_names_do_not_depend_on_the_stack_name() -> None:
    """A function name has at most 64 characters, a stack name 128."""
    assert not any(
        "FunctionName" in each for each in resources("AWS::Lambda::Function", MAIN_TEMPLATE)
    )
    for each in resources("AWS::Lambda::Function", sam_transform()).values():
        assert "FunctionName" not in each


def test_every_referenced_output_of_a_nested_stack_exists() -> None:
    """cfn-lint does not check outputs of nested stacks."""
    attributes = {
        f"{name}.Outputs.{output}"
        for name, resource in MAIN_TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
        for output in TEMPLATES[resource["Properties"]["TemplateURL"]].get("Outputs", {})
    }
    referenced = set(_references(MAIN_TEMPLATE))
    assert referenced <= attributes
    assert {"DeadLetterQueueArn", "DeadLetterQueueUrl", "ApiUrl", "QueueArn"} <= MAIN_TEMPLATE[
        "Outputs"
    ].keys()


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        if "Fn::GetAtt" in value and value["Fn::GetAtt"][1].startswith("Outputs."):
            return [".".join(value["Fn::GetAtt"])]
        return [found for inner in value.values() for found in _references(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _references(inner)]
    return []
