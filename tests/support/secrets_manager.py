"""AWS Secrets Manager in the test's process, by moto."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "eu-central-1"


def set_aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set credentials in the environment, as Lambda does."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@contextmanager
def secrets_manager(name: str, text: str) -> Iterator["SecretsManagerClient"]:
    """Run Secrets Manager with one secret."""
    with mock_aws():
        client = boto3.client("secretsmanager", REGION)
        client.create_secret(Name=name, SecretString=text)
        yield client
