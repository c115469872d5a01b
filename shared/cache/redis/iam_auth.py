"""Redis connections that authenticate as an AWS role: ElastiCache with IAM.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from shared.aws.credentials import PlatformCredentials
from shared.aws.signing import presign
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from shared.settings import Settings

_VALID_SECONDS = 900  # the longest that ElastiCache takes
_log = logging.getLogger(__name__)


class IamCredentialProvider(CredentialProvider):
    """Signs a token of its own for each new connection.

    So none is ever kept, let alone one that has ended: signing takes less time than a packet's
    way. ElastiCache ends such connections after twelve hours; the next one has a new token.
    """

    def __init__(
        self,
        settings: "Settings",
        *,
        credentials: PlatformCredentials | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`credentials` are those that the platform gives, unless others are given."""
        self._user = settings.redis_iam_user
        self._name = settings.redis_iam_name
        self._region = settings.aws_region
        self._credentials = credentials or PlatformCredentials()
        self._clock = clock

    async def get_credentials_async(self) -> tuple[str, str]:
        """Give the user's name and a token that is good for a quarter of an hour.

        Raises:
            AuthenticationError: there are no AWS credentials to sign with.
        """
        try:
            credentials = await self._credentials.read()
        except (ConfigurationError, UnavailableError) as error:
            # The cache tells of outages by their type alone.
            _log.warning(
                "the cache cannot be reached as a role", extra={"log_fields": {"error": str(error)}}
            )
            raise AuthenticationError(str(error)) from error
        query = {"Action": "connect", "User": self._user, "ResourceType": "ServerlessCache"}
        token = presign(
            self._name,
            query,
            service="elasticache",
            region=self._region,
            credentials=credentials,
            at=self._clock(),
            valid=_VALID_SECONDS,
        )
        return self._user, token
