"""AWS' own SDK, loaded where something must be asked of a service that nothing here speaks to."""

from contextlib import suppress
from typing import Any

from shared.errors import ConfigurationError


def load() -> None:
    """Import what the first client would; who has no boto3 is told so when it is needed.

    No client is made: it would look for credentials, and keep them.
    """
    with suppress(ImportError):
        import boto3.session  # noqa: F401, PLC0415  # see above
        import botocore.client  # noqa: F401, PLC0415  # boto3 leaves it for later


def open_client(service: str, region: str, *, seconds: float, attempts: int, needed_by: str) -> Any:
    """Load boto3 and make a client of it, which may be used by any thread.

    Args:
        service: the service's name.
        region: where it is.
        seconds: how long connecting may take, and then each answer.
        attempts: how often it is tried, with pauses in between.
        needed_by: what asks for it, and what would do without, for the message.

    Raises:
        ConfigurationError: boto3 is not installed, or makes no client in this environment.
    """
    try:
        import boto3  # noqa: PLC0415  # see above
        from botocore.config import Config  # noqa: PLC0415  # see above
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # see above
    except ImportError:
        raise ConfigurationError(
            f"the package boto3, which Lambda's runtime has, is needed by {needed_by}"
        ) from None
    config = Config(
        region_name=region,
        connect_timeout=seconds,
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # A session of its own: boto3's default one must not be used by two threads.
    try:
        made: Any = boto3.session.Session()
        return made.client(service, config=config)
    except BotoCoreError as error:
        raise ConfigurationError(
            f"boto3 makes no client for {service} ({type(error).__name__}): set right, or unset,"
            " what begins with AWS_ in the environment"
        ) from error
