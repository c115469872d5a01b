"""Secrets Manager within the process, for whoever has a role's credentials."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "eu-central-1"


def take_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have credentials in the environment, as on Lambda."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@contextmanager
def keeping(name: str, text: str) -> Iterator["SecretsManagerClient"]:
    """Keep one secret; its keeper changes it, and keeps others."""
    with mock_aws():
        client = boto3.client("secretsmanager", REGION)
        client.create_secret(Name=name, SecretString=text)
        yield client
