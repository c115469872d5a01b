"""Authentication of Redis connections as an AWS role: ElastiCache with IAM.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

import hashlib
import hmac
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from shared.aws.credentials import Credentials, PlatformCredentials
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from shared.settings import Settings

_ALGORITHM = "AWS4-HMAC-SHA256"
_EMPTY_BODY_HASH = hashlib.sha256(b"").hexdigest()
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
        return self._user, sign_token(
            self._user, self._name, self._region, credentials, signed_at=time.time()
        )


def sign_token(
    user: str, cache_name: str, region: str, credentials: Credentials, *, signed_at: float
) -> str:
    """Return a token for ElastiCache: the presigned URL of a request, without the scheme.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

    Args:
        user: the ElastiCache user.
        cache_name: name of the cache.
        region: AWS region of the cache.
        credentials: the credentials to sign with.
        signed_at: time of the signature, in seconds since 1970.
    """
    now = datetime.fromtimestamp(signed_at, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/elasticache/aws4_request"
    parameters = {
        "Action": "connect",
        "User": user,
        "ResourceType": "ServerlessCache",
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.key_id}/{scope}",
        "X-Amz-Date": now,
        "X-Amz-Expires": str(_EXPIRES_IN),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    pairs = [f"{name}={quote(value, safe='')}" for name, value in parameters.items()]
    request = f"GET\n/\n{'&'.join(sorted(pairs))}\nhost:{cache_name}\n\nhost\n{_EMPTY_BODY_HASH}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret}".encode()
    for part in (*scope.split("/"), f"{_ALGORITHM}\n{now}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{cache_name}/?{'&'.join(pairs)}&X-Amz-Signature={key.hex()}"
