"""Opens connections to PostgreSQL: with the current password, and TLS as `tls.py` selects it."""

import os
import ssl
from typing import Any

import asyncpg

from shared.dns import share_lookups
from shared.errors import ConfigurationError
from shared.notes.database_url import normalize_postgres_url
from shared.notes.postgres.tls import select_ssl
from shared.secrets import Secret

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The roots of asyncpg's error tree. `InternalClientError` can follow a terminated connection."""


async def connect(url: Secret, variable: str, **options: Any) -> Any:
    """Open a connection; a password that the server refuses is fetched again.

    Args:
        url: `postgresql://…`.
        variable: the setting that holds or names the URL, for errors.
        options: as of `asyncpg.connect`.

    Raises:
        ConfigurationError: the URL is not valid.
        OSError, asyncpg.PostgresError: the server refuses or does not respond.
    """
    share_lookups()
    current = await url.get()
    try:
        return await _open(current, variable, options)
    except asyncpg.InvalidAuthorizationSpecificationError:
        renewed = await url.refetch(current)
        if renewed == current:
            raise
        return await _open(renewed, variable, options)


async def _open(url: str, variable: str, options: dict[str, Any]) -> Any:
    url = normalize_postgres_url(url, variable)
    try:
        return await asyncpg.connect(url, ssl=select_ssl(url, os.environ), **options)
    except ssl.SSLError:  # an invalid certificate is also a ValueError
        raise
    except ValueError:
        # asyncpg's message can have a part of the password.
        raise ConfigurationError(
            f"{variable} is not a valid PostgreSQL URL: check its parameters"
        ) from None
