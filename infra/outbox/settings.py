"""Settings of the outbox, read from environment variables."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from shared.aws.secrets import Secrets
from shared.errors import ConfigurationError
from shared.notes.database_url import is_postgres
from shared.notes.postgres.connection import connect
from shared.secrets import Secret
from shared.settings import Settings
from shared.variables import read_variables, setting

DATABASE_SETTINGS = ("DATABASE_URL", "DATABASE_URL_SECRET")
"""With the prefix OUTBOX_ they are the outbox's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """Where the relay sends changes; exactly one of `queue_url` and `push_url` is set."""

    queue_url: str = setting("OUTBOX_QUEUE_URL", "", http_url=True)
    push_url: str = setting("OUTBOX_PUSH_URL", "", http_url=True)
    push_token: str = setting("OUTBOX_PUSH_TOKEN", "", header=True, secret=True)
    push_token_file: str = setting("OUTBOX_PUSH_TOKEN_FILE", "")
    aws_region: str = setting("AWS_REGION", "")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            ConfigurationError: a value is invalid, or not exactly one target is set.
        """
        settings = cls(**read_variables(fields(cls), environ)[0])
        if bool(settings.queue_url) == bool(settings.push_url):
            raise ConfigurationError(
                "set either OUTBOX_QUEUE_URL, the URL of a queue, or OUTBOX_PUSH_URL, which ends in"
                " /notes/changes"
            )
        if settings.queue_url and not settings.aws_region:
            raise ConfigurationError("OUTBOX_QUEUE_URL requires AWS_REGION")
        if settings.push_token and settings.push_token_file:
            raise ConfigurationError(
                "OUTBOX_PUSH_TOKEN and OUTBOX_PUSH_TOKEN_FILE must not be set both"
            )
        return settings


def database_connector(environ: Mapping[str, str]) -> Callable[..., Awaitable[Any]]:
    """Return a function that opens a connection to the owner's database, as `asyncpg.connect`.

    OUTBOX_DATABASE_URL or OUTBOX_DATABASE_URL_SECRET, or else the variables of the note store.

    Raises:
        ConfigurationError: it is no PostgreSQL URL.
    """
    is_own = any(environ.get(f"OUTBOX_{name}") for name in DATABASE_SETTINGS)
    prefix = "OUTBOX_" if is_own else ""
    values = {name: environ.get(prefix + name, "") for name in DATABASE_SETTINGS}
    needs_url = values["DATABASE_URL"] or not values["DATABASE_URL_SECRET"]
    if needs_url and not is_postgres(values["DATABASE_URL"]):
        raise ConfigurationError(
            "OUTBOX_DATABASE_URL must be the postgresql:// URL of the database with your table"
        )
    settings = Settings.from_env({**values, "AWS_REGION": environ.get("AWS_REGION", "")})
    found = Secrets(settings).database_url()
    url = Secret.static(found) if isinstance(found, str) else found

    async def open_connection(*_: object, **options: Any) -> Any:
        return await connect(url, f"{prefix}DATABASE_URL", **options)

    return open_connection
