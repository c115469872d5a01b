"""Secrets in AWS Secrets Manager, by name or ARN."""

import asyncio
import threading
from typing import TYPE_CHECKING

from shared.aws.sdk import open_client
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_TIMEOUT_SECONDS = 2
_ATTEMPTS = 3
_NEEDED = {
    "ResourceNotFoundException": "create it in {region}, or name another",
    "AccessDeniedException": "allow this function secretsmanager:GetSecretValue on it",
    "DecryptionFailure": "allow this function kms:Decrypt with its key",
    "InvalidRequestException": "name one that is not being deleted",
    "InvalidParameterException": "name one by its name or ARN",
    "ValidationException": "name one by its name or ARN",
}


class SecretsManager:
    """Reads secrets as the role that this process runs as.

    boto3 is loaded with the first one: an exact hit needs none.
    """

    def __init__(self, region: str) -> None:
        """Nothing is sent yet."""
        self._region = region
        self._client: SecretsManagerClient | None = None
        self._opening = threading.Lock()

    async def read(self, variable: str, name: str) -> str:
        """Read a secret's current text, without holding up the loop.

        Args:
            variable: the setting that names it, for messages.
            name: its name or ARN.

        Raises:
            ConfigurationError: it is not there, not to be read by this role, or not text; or
                boto3 is not installed.
            UnavailableError: Secrets Manager did not answer.
        """
        return await asyncio.to_thread(self._read, variable, name)

    def _read(self, variable: str, name: str) -> str:
        client = self._opened()
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as boto3

        try:
            text = client.get_secret_value(SecretId=name).get("SecretString")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            told = f"the secret that {variable} names cannot be read ({code})"
            if code in _NEEDED:
                needed = _NEEDED[code].format(region=self._region)
                raise ConfigurationError(f"{told}: {needed}") from error
            raise UnavailableError(told) from error
        except BotoCoreError as error:
            raise UnavailableError(
                f"the secret that {variable} names cannot be read ({type(error).__name__})"
            ) from error
        if not text:
            raise ConfigurationError(f"the secret that {variable} names must be text")
        return text

    def _opened(self) -> "SecretsManagerClient":
        with self._opening:
            if self._client is None:
                self._client = open_client(
                    "secretsmanager",
                    self._region,
                    seconds=_TIMEOUT_SECONDS,
                    attempts=_ATTEMPTS,
                    needed_by="HF_TOKEN_SECRET, DATABASE_URL_SECRET and"
                    " REDIS_CACHE_PASSWORD_SECRET: install it, or set HF_TOKEN, DATABASE_URL and"
                    " a REDIS_CACHE_URL with the password",
                )
            return self._client
