"""What a secret's text may look like: the thing itself, or a JSON object that holds it."""

import json
from typing import Any
from urllib.parse import quote

from shared.errors import ConfigurationError

_POSTGRES_PORT = 5432


def token_in(text: str) -> str:
    """Find a token: `hf_…` or `{"HF_TOKEN": "hf_…"}`.

    Raises:
        ConfigurationError: the text has another form, or holds what no header can.
    """
    fields = _fields("HF_TOKEN_SECRET", text)
    token = str(fields.get("HF_TOKEN", "")) if fields is not None else text.strip()
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise ConfigurationError(
            "the secret that HF_TOKEN_SECRET names must be a token of visible ASCII characters,"
            ' or {"HF_TOKEN": "…"} with one'
        )
    return token


def database_url_in(text: str) -> str:
    """Find an address: `postgresql://…`, `{"DATABASE_URL": "postgresql://…"}`, or RDS' own form.

    RDS' form is `{"username", "password", "host", "port", "dbname"}`, and more that is not
    needed.

    Raises:
        ConfigurationError: the text has another form.
    """
    fields = _fields("DATABASE_URL_SECRET", text)
    if fields is not None and "DATABASE_URL" not in fields:
        url = _of_rds(fields)
    else:
        url = text.strip() if fields is None else str(fields["DATABASE_URL"])
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "the secret that DATABASE_URL_SECRET names must be"
            " postgresql://user:password@host:port/database, or JSON with username, password,"
            " host and dbname"
        )
    return url


def _fields(variable: str, text: str) -> dict[str, Any] | None:
    """Decode a JSON object; None where the text does not begin like one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        fields: dict[str, Any] = json.loads(text)
    except ValueError:
        # From None: the parser's error holds the text.
        raise ConfigurationError(
            f"the secret that {variable} names begins like JSON and is none"
        ) from None
    return fields


def _of_rds(fields: dict[str, Any]) -> str:
    if not all(fields.get(name) for name in ("username", "password", "host", "dbname")):
        return ""
    user, password, name = (
        quote(str(fields[key]), safe="") for key in ("username", "password", "dbname")
    )
    where = f"{fields['host']}:{fields.get('port', _POSTGRES_PORT)}"
    return f"postgresql://{user}:{password}@{where}/{name}"
