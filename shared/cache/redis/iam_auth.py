"""Authentication of Redis connections as an AWS role: ElastiCache with IAM.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

import logging
import time
from typing import TYPE_CHECKING

from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from shared.aws.credentials import PlatformCredentials
from shared.aws.signing import presign
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from shared.settings import Settings

_EXPIRES_IN = 900  # seconds; ElastiCache's maximum
_log = logging.getLogger(__name__)


class IamCredentialProvider(CredentialProvider):
    """Signs a token for each new connection.

    Tokens are not cached, so none expires. ElastiCache closes such connections after twelve hours.
    """

    def __init__(self, settings: "Settings") -> None:
        self._user = settings.redis_iam_user
        self._name = settings.redis_iam_name
        self._region = settings.aws_region
        self._credentials = PlatformCredentials()

    async def get_credentials_async(self) -> tuple[str, str]:
        """Return the user and a token that is valid for 15 minutes.

        Raises:
            AuthenticationError: there are no AWS credentials to sign with.
        """
        try:
            credentials = await self._credentials.get()
        except (ConfigurationError, UnavailableError) as error:
            # The circuit breaker logs only the error's type.
            log_fields = {"error": str(error)}
            _log.warning("the cache's IAM token cannot be signed", extra={"log_fields": log_fields})
            raise AuthenticationError(str(error)) from error
        query = {"Action": "connect", "User": self._user, "ResourceType": "ServerlessCache"}
        token = presign(
            self._name,
            query,
            service="elasticache",
            region=self._region,
            credentials=credentials,
            signed_at=time.time(),
            expires_in=_EXPIRES_IN,
        )
        return self._user, token
