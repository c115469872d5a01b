"""What a secret's text may look like: the thing itself, or a JSON object that holds it."""

import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

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


def database_url_in(text: str, address: str = "") -> str:
    """Find an address: `postgresql://…`, `{"DATABASE_URL": "postgresql://…"}`, or RDS' own form.

    RDS' form is `{"username", "password", "host", "port", "dbname"}`, and more that is not
    needed; `sslmode` and `sslrootcert` may be in it. Where RDS keeps the secret itself it has
    `username` and `password` alone: then `address` says the rest, as `postgresql://host/dbname`.

    Raises:
        ConfigurationError: the text has another form.
    """
    fields = _fields("DATABASE_URL_SECRET", text)
    if fields is not None and "DATABASE_URL" not in fields:
        url = _of_rds(fields, address)
    else:
        url = text.strip() if fields is None else str(fields["DATABASE_URL"])
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "the secret that DATABASE_URL_SECRET names must be"
            " postgresql://user:password@host:port/database, or JSON with username, password,"
            " host and dbname (or without the last two, where DATABASE_URL tells them)"
        )
    return url


def redis_userinfo_in(text: str) -> str:
    """Find a password, and whose it is: the text itself, or JSON with `password` and `username`.

    Gives `user:password`, percent-encoded as in a URL; without a user it is the default one's.

    Raises:
        ConfigurationError: the text has another form.
    """
    fields = _fields("REDIS_CACHE_PASSWORD_SECRET", text)
    given = {"password": text.strip()} if fields is None else fields
    user, password = given.get("username") or "", given.get("password")
    if not password or not all(
        isinstance(each, str) and each.isprintable() for each in (user, password)
    ):
        raise ConfigurationError(
            "the secret that REDIS_CACHE_PASSWORD_SECRET names must be a password of printable"
            ' characters, or {"password": "…"} with one, or {"username": "…", "password": "…"}'
        )
    return f"{quote(user, safe='')}:{quote(password, safe='')}"


def _fields(variable: str, text: str) -> dict[str, Any] | None:
    """Decode a JSON object; None where the text does not begin like one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        fields: dict[str, Any] = json.loads(text)
    except ValueError:
        # From None: the parser's error holds the text.
        raise ConfigurationError(
            f"the secret that {variable} names begins like JSON and is none; what begins with"
            " { itself must be put into JSON"
        ) from None
    return fields


def _of_rds(fields: dict[str, Any], address: str) -> str:
    if not all(fields.get(name) for name in ("username", "password")):
        return ""
    user, password = (quote(str(fields[key]), safe="") for key in ("username", "password"))
    if address:
        parts = urlsplit(address)
        return parts._replace(netloc=f"{user}:{password}@{parts.netloc}").geturl()
    if not all(fields.get(name) for name in ("host", "dbname")):
        return ""
    where = f"{fields['host']}:{fields.get('port', _POSTGRES_PORT)}"
    name = quote(str(fields["dbname"]), safe="")
    tls = urlencode({key: fields[key] for key in ("sslmode", "sslrootcert") if fields.get(key)})
    return f"postgresql://{user}:{password}@{where}/{name}{'?' if tls else ''}{tls}"
