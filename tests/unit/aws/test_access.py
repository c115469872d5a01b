"""IAM permissions and route authorization of the templates."""

import json
from typing import Any

import pytest

from tests.support.templates import (
    MAIN_TEMPLATE,
    TEMPLATES,
    as_list,
    functions,
    of_type,
    statements,
)

LOG_ACTIONS = ["logs:CreateLogStream", "logs:PutLogEvents"]
RECEIVE_ACTIONS = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
]
GRANTS = {
    "Ask": [(action, ["AskLogArn"]) for action in LOG_ACTIONS],
    "Stats": [(LOG_ACTIONS, ["StatsLogArn"])],
    "Invalidate": [(LOG_ACTIONS, ["InvalidateLogArn"]), (RECEIVE_ACTIONS, ["QueueArn"])],
    "Notes": [(LOG_ACTIONS, ["NotesLogArn"])],
    "Dashboard": [(LOG_ACTIONS, ["DashboardLogArn"])],
    "Warm": [(LOG_ACTIONS, ["WarmLogArn"]), (RECEIVE_ACTIONS[:3], ["WarmQueueArn"])],
    "Outbox": [
        (LOG_ACTIONS, ["OutboxLogArn"]),
        ("sqs:SendMessage", ["QueueArn"]),
        ("secretsmanager:GetSecretValue", ["OutboxDatabaseUrlArn"]),
    ],
}
NOTES_ROLE = {"Fn::If": ["HasNotes", {"Ref": "Notes"}, {"Ref": "AWS::NoValue"}]}
WARM_ROLE = {"Fn::If": ["HasWarming", {"Ref": "Warm"}, {"Ref": "AWS::NoValue"}]}
# Statements that need a wildcard: (template, resource, action).
ALLOWED_WILDCARDS = {
    # A network interface that does not exist yet has no ARN.
    ("infra/aws/roles.yaml", "UseVpc", "ec2:CreateNetworkInterface"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:DeleteNetworkInterface"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:DescribeNetworkInterfaces"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:DescribeSubnets"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:AssignPrivateIpAddresses"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:UnassignPrivateIpAddresses"),
    # In a key policy, "*" means this key. The account needs access to manage and delete it.
    ("infra/aws/alarm_topic.yaml", "Key", "kms:*"),
    ("infra/aws/alarm_topic.yaml", "Key", "kms:Decrypt"),
    ("infra/aws/alarm_topic.yaml", "Key", "kms:GenerateDataKey"),
}


def in_each_version(routes: dict[str, str]) -> dict[str, str]:
    """The routes with and without the version, and with HEAD wherever GET is."""
    pairs = [(*route.split(" "), function) for route, function in routes.items()]
    pairs += [("HEAD", path, function) for method, path, function in pairs if method == "GET"]
    return {
        f"{method} {prefix}{path}": function
        for method, path, function in pairs
        for prefix in ("", "/v1")
    }


PUBLIC_ROUTES = in_each_version(
    {"GET /health": "AskFunction", "GET /assistant/dashboard": "DashboardFunction"}
)
ROUTES = PUBLIC_ROUTES | in_each_version(
    {
        "POST /assistant/query": "AskFunction",
        "POST /assistant/feedback": "AskFunction",
        "GET /assistant/cache-stats": "StatsFunction",
        "GET /metrics": "StatsFunction",
        "GET /notes": "NotesFunction",
        "GET /notes/{note_id+}": "NotesFunction",
        "PUT /notes/{note_id+}": "NotesFunction",
        "DELETE /notes/{note_id+}": "NotesFunction",
        "DELETE /users/me": "NotesFunction",
    }
)


def granted(role: str) -> list[tuple[Any, list[Any]]]:
    resource = TEMPLATES["infra/aws/roles.yaml"]["Resources"][role]["Properties"]
    assert "ManagedPolicyArns" not in resource
    policies = [*resource.get("Policies", ())]
    if role == "Ask":  # its policies have descriptions, which inline policies have not
        resources = TEMPLATES["infra/aws/roles.yaml"]["Resources"]
        policies += [
            resources[name]["Properties"] for name in ("CreateAskLogStream", "WriteAskLog")
        ]
    return [
        (one["Action"], [each["Ref"] for each in as_list(one["Resource"])])
        for policy in policies
        for one in as_list(policy["PolicyDocument"]["Statement"])
    ]


def routes() -> dict[str, tuple[str, Any]]:
    """The function and the authorizer of each route."""
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}": (
            name,
            event["Properties"].get("Auth"),
        )
        for name, function in functions().items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


@pytest.mark.parametrize("role", GRANTS)
def test_role_grants_exactly_the_actions_its_function_uses(role: str) -> None:
    assert granted(role) == GRANTS[role]


def test_every_function_has_its_own_role_and_no_inline_policy() -> None:
    roles = {name: properties["Role"] for name, properties in functions().items()}
    assert roles == {
        f"{role}Function": {"Fn::GetAtt": ["Roles", f"Outputs.{role}Arn"]} for role in GRANTS
    } | {"StreamFunction": {"Fn::GetAtt": ["Roles", "Outputs.AskArn"]}}  # it does what ask does
    assert not any("Policies" in properties for properties in functions().values())
    assert "Policies" not in MAIN_TEMPLATE["Globals"]["Function"]


def test_functions_that_use_the_cache_may_connect_as_one_user() -> None:
    resources = TEMPLATES["infra/aws/roles.yaml"]["Resources"]
    assert resources["ConnectToCache"]["Properties"] == {
        "Roles": [{"Ref": "Ask"}, {"Ref": "Stats"}, {"Ref": "Invalidate"}, NOTES_ROLE, WARM_ROLE],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": "elasticache:Connect",
                "Resource": [{"Ref": "CacheArn"}, {"Ref": "CacheUserArn"}],
            },
        },
    }
    managed = {name for name, resource, _ in of_type("AWS::IAM::ManagedPolicy")}
    assert managed == {
        "ConnectToCache",
        "CreateAskLogStream",
        "ReadRedisPassword",
        "ReadSecrets",
        "RequestWarming",
        "UseVpc",
        "WriteAskLog",
    }


def test_functions_that_answer_or_change_notes_may_send_to_the_queue_of_warming() -> None:
    policy = TEMPLATES["infra/aws/roles.yaml"]["Resources"]["RequestWarming"]
    assert policy["Condition"] == "HasWarming"
    assert policy["Properties"]["Roles"] == [{"Ref": "Ask"}, {"Ref": "Invalidate"}, NOTES_ROLE]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": {"Ref": "WarmQueueArn"},
    }


def test_functions_that_answer_or_change_notes_may_read_the_two_secrets() -> None:
    policy = TEMPLATES["infra/aws/roles.yaml"]["Resources"]["ReadSecrets"]["Properties"]
    assert policy["Roles"] == [{"Ref": "Ask"}, {"Ref": "Invalidate"}, NOTES_ROLE, WARM_ROLE]
    assert policy["PolicyDocument"]["Statement"] == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": [{"Ref": "HuggingFaceTokenArn"}, {"Ref": "DatabaseUrlArn"}],
    }


def test_functions_that_use_an_existing_redis_may_read_its_password() -> None:
    policy = TEMPLATES["infra/aws/roles.yaml"]["Resources"]["ReadRedisPassword"]
    assert policy["Condition"] == "HasRedisPassword"
    assert policy["Properties"]["Roles"] == [
        {"Ref": "Ask"},
        {"Ref": "Stats"},
        {"Ref": "Invalidate"},
        NOTES_ROLE,
        WARM_ROLE,
    ]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": {"Ref": "RedisPasswordArn"},
    }


def test_no_statement_allows_an_unjustified_wildcard() -> None:
    found = {
        (path, name, action)
        for path, name, one in statements()
        if one["Effect"] == "Allow"
        for action in as_list(one["Action"])
        if "*" in action or "*" in json.dumps(one.get("Resource", ""))
    }
    assert found == ALLOWED_WILDCARDS


def test_no_policy_allows_every_principal() -> None:
    for path, name, one in statements():
        if one["Effect"] == "Allow":
            assert "*" not in json.dumps(one.get("Principal", "")), f"{name} of {path}"


def test_only_lambda_may_assume_a_function_role() -> None:
    roles = list(of_type("AWS::IAM::Role"))
    assert len(roles) == len(GRANTS)
    for _, role, _ in roles:
        trusted = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_every_route_requires_a_token_except_health_and_the_optional_page() -> None:
    assert {route: function for route, (function, _) in routes().items()} == ROUTES
    for route, (_, auth) in routes().items():
        assert auth == ({"Authorizer": "NONE"} if route in PUBLIC_ROUTES else None), route
    api = MAIN_TEMPLATE["Resources"]["Api"]["Properties"]
    assert api["Auth"]["DefaultAuthorizer"] in api["Auth"]["Authorizers"]
    assert MAIN_TEMPLATE["Resources"]["DashboardFunction"]["Condition"] == "ServeDashboardPage"
    assert MAIN_TEMPLATE["Parameters"]["DashboardPage"]["Default"] == "off"
    assert MAIN_TEMPLATE["Resources"]["NotesFunction"]["Condition"] == "ServeNotes"
    assert MAIN_TEMPLATE["Parameters"]["NotesApi"]["Default"] == "off"


def test_only_the_function_that_verifies_tokens_has_a_url_and_a_public_permission() -> None:
    assert not any("FunctionUrlConfig" in properties for properties in functions().values())
    ((_, url, _),) = of_type("AWS::Lambda::Url")
    assert url["Properties"]["TargetFunctionArn"] == {"Fn::GetAtt": ["StreamFunction", "Arn"]}
    permissions = [each for _, each, _ in of_type("AWS::Lambda::Permission")]
    for each in (url, *permissions):
        assert each["Condition"] == "StreamAnswers"
    limits = ("FunctionUrlAuthType", "NONE"), ("InvokedViaFunctionUrl", True)
    for permission, (name, value) in zip(permissions, limits, strict=True):
        assert permission["Properties"][name] == value
        assert permission["Properties"]["FunctionName"] == {"Ref": "StreamFunction"}


def test_user_pool_does_not_allow_sign_up() -> None:
    ((_, pool, _),) = of_type("AWS::Cognito::UserPool")
    assert pool["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}


def test_users_outlive_the_user_pool_s_stack() -> None:
    """Setting `Issuer` later deletes the nested stack."""
    resources = TEMPLATES["infra/aws/cognito.yaml"]["Resources"]
    for resource in resources.values():
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert resources["UserPool"]["Properties"]["DeletionProtection"] == "ACTIVE"
