"""What the deployed functions may do, and who may reach them, read off the templates."""

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

LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
RECEIVING = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
]
GRANTS = {
    "Ask": [(LOGS, ["AskLogArn"])],
    "Stats": [(LOGS, ["StatsLogArn"])],
    "Invalidate": [(LOGS, ["InvalidateLogArn"]), (RECEIVING, ["QueueArn"])],
    "Dashboard": [(LOGS, ["DashboardLogArn"])],
}
# Beside what cannot be narrowed: the path, the resource, the action.
ARGUED = {
    # EC2 knows no resource for a network interface that is not there yet.
    ("infra/aws/roles.yaml", "UseVpc", "ec2:CreateNetworkInterface"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:DeleteNetworkInterface"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:DescribeNetworkInterfaces"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:DescribeSubnets"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:AssignPrivateIpAddresses"),
    ("infra/aws/roles.yaml", "UseVpc", "ec2:UnassignPrivateIpAddresses"),
    # In a key's policy the resource is that key; without its account nobody could delete it.
    ("infra/aws/alarm_topic.yaml", "Key", "kms:*"),
    ("infra/aws/alarm_topic.yaml", "Key", "kms:Decrypt"),
    ("infra/aws/alarm_topic.yaml", "Key", "kms:GenerateDataKey"),
}
ANONYMOUS = {"GET /health": "AskFunction", "GET /assistant/dashboard": "DashboardFunction"}
ROUTES = {
    "POST /assistant/query": "AskFunction",
    "POST /assistant/feedback": "AskFunction",
    "GET /assistant/cache-stats": "StatsFunction",
    "GET /metrics": "StatsFunction",
} | ANONYMOUS


def granted(role: str) -> list[tuple[Any, list[Any]]]:
    resource = TEMPLATES["infra/aws/roles.yaml"]["Resources"][role]["Properties"]
    assert "ManagedPolicyArns" not in resource
    return [
        (one["Action"], [each["Ref"] for each in as_list(one["Resource"])])
        for policy in resource["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
    ]


def routes() -> dict[str, tuple[str, Any]]:
    """Each route's function and authorizer."""
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}": (
            name,
            event["Properties"].get("Auth"),
        )
        for name, function in functions().items()
        for event in function["Events"].values()
        if event["Type"] == "HttpApi"
    }


@pytest.mark.parametrize("role", GRANTS)
def test_a_role_grants_exactly_what_its_function_uses(role: str) -> None:
    assert granted(role) == GRANTS[role]


def test_every_function_has_a_role_of_its_own_and_no_policy_beside_it() -> None:
    roles = {name: properties["Role"] for name, properties in functions().items()}
    assert roles == {
        f"{role}Function": {"Fn::GetAtt": ["Roles", f"Outputs.{role}Arn"]} for role in GRANTS
    }
    assert not any("Policies" in properties for properties in functions().values())
    assert "Policies" not in MAIN_TEMPLATE["Globals"]["Function"]


def test_the_cache_is_entered_by_the_functions_that_use_it_as_one_user() -> None:
    resources = TEMPLATES["infra/aws/roles.yaml"]["Resources"]
    assert resources["EnterCache"]["Properties"] == {
        "Roles": [{"Ref": "Ask"}, {"Ref": "Stats"}, {"Ref": "Invalidate"}],
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
    assert managed == {"EnterCache", "ReadRedisPassword", "ReadSecrets", "UseVpc"}


def test_the_two_secrets_are_read_by_those_who_call_models_and_read_notes() -> None:
    policy = TEMPLATES["infra/aws/roles.yaml"]["Resources"]["ReadSecrets"]["Properties"]
    assert policy["Roles"] == [{"Ref": "Ask"}, {"Ref": "Invalidate"}]
    assert policy["PolicyDocument"]["Statement"] == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": [{"Ref": "HuggingFaceTokenArn"}, {"Ref": "DatabaseUrlArn"}],
    }


def test_the_password_of_one_s_own_redis_is_read_by_those_who_use_it_where_there_is_one() -> None:
    policy = TEMPLATES["infra/aws/roles.yaml"]["Resources"]["ReadRedisPassword"]
    assert policy["Condition"] == "HasRedisPassword"
    assert policy["Properties"]["Roles"] == [
        {"Ref": "Ask"},
        {"Ref": "Stats"},
        {"Ref": "Invalidate"},
    ]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": {"Ref": "RedisPasswordArn"},
    }


def test_no_statement_allows_a_wildcard_that_is_not_argued_for() -> None:
    found = {
        (path, name, action)
        for path, name, one in statements()
        if one["Effect"] == "Allow"
        for action in as_list(one["Action"])
        if "*" in action or "*" in json.dumps(one.get("Resource", ""))
    }
    assert found == ARGUED


def test_nobody_is_allowed_in_by_a_policy_that_names_everybody() -> None:
    for path, name, one in statements():
        if one["Effect"] == "Allow":
            assert "*" not in json.dumps(one.get("Principal", "")), f"{name} of {path}"


def test_only_lambda_takes_a_function_s_role() -> None:
    roles = list(of_type("AWS::IAM::Role"))
    assert len(roles) == len(GRANTS)
    for _, role, _ in roles:
        trusted = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_every_route_wants_a_token_but_health_and_a_page_that_is_off() -> None:
    assert {route: function for route, (function, _) in routes().items()} == ROUTES
    for route, (_, auth) in routes().items():
        assert auth == ({"Authorizer": "NONE"} if route in ANONYMOUS else None), route
    api = MAIN_TEMPLATE["Resources"]["Api"]["Properties"]
    assert api["Auth"]["DefaultAuthorizer"] in api["Auth"]["Authorizers"]
    assert MAIN_TEMPLATE["Resources"]["DashboardFunction"]["Condition"] == "ShowsDashboard"
    assert MAIN_TEMPLATE["Parameters"]["Dashboard"]["Default"] == "off"


def test_no_function_can_be_called_past_the_gateway() -> None:
    assert not any("FunctionUrlConfig" in properties for properties in functions().values())
    assert not list(of_type("AWS::Lambda::Url"))
    assert not list(of_type("AWS::Lambda::Permission"))


def test_nobody_signs_up_for_the_user_pool_by_themselves() -> None:
    ((_, pool, _),) = of_type("AWS::Cognito::UserPool")
    assert pool["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
