"""boto3 clients. boto3 is imported with the first one: most deployments need none."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from shared.errors import ConfigurationError

_MAX_BYTES = 131_072  # Secrets Manager stores at most 65,536 bytes
_MAX_SECONDS = 4.0


class ResponseLimitExceededError(Exception):
    """A response of AWS is larger than 128 KiB or takes longer than four seconds."""


def preload_boto3() -> None:
    """Import what the first client needs, if boto3 is installed. No credentials are loaded."""
    with suppress(ImportError):
        import boto3.session  # noqa: F401, PLC0415  # see the module's docstring
        import botocore.client  # noqa: F401, PLC0415  # boto3 imports it late


def create_client(
    service: str, region: str, *, timeout: float, attempts: int, needed_by: str
) -> Any:
    """Create a boto3 client, which any thread may use.

    Args:
        service: name of the service.
        region: AWS region.
        timeout: seconds for connecting, and for each response.
        attempts: total number of attempts, with backoff.
        needed_by: which feature needs boto3, and what to set instead, for the error message.

    Raises:
        ConfigurationError: boto3 is not installed, or the environment's AWS_ variables are invalid.
    """
    try:
        import boto3  # noqa: PLC0415  # see the module's docstring
        from botocore.config import Config  # noqa: PLC0415  # as boto3
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # as boto3
    except ImportError:
        raise ConfigurationError(
            f"the package boto3, which Lambda's runtime contains, is needed by {needed_by}"
        ) from None
    config = Config(
        region_name=region,
        connect_timeout=timeout,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # Its own session: boto3's default session is not thread-safe.
    try:
        session: Any = boto3.session.Session()
        client = session.client(service, config=config)
    except BotoCoreError as error:
        raise ConfigurationError(
            f"boto3 cannot create a client for {service} ({type(error).__name__}): correct or unset"
            " the variables that begin with AWS_ in the environment"
        ) from error
    http_session = client._endpoint.http_session  # noqa: SLF001  # botocore has no setting for this
    http_session.send = partial(_send_limited, http_session.send)
    return client


def _send_limited(send: Callable[[Any], Any], request: Any) -> Any:
    """Send a request, and read its response with a limit of size and time."""
    request.stream_output = True
    response = send(request)
    until, content = time.monotonic() + _MAX_SECONDS, bytearray()
    for byte in response.raw.stream(1):  # more bytes would be awaited without a limit
        content += byte
        if len(content) > _MAX_BYTES or time.monotonic() > until:
            response.raw.close()
            raise ResponseLimitExceededError
    response._content = bytes(content)  # noqa: SLF001  # where botocore reads it
    return response
