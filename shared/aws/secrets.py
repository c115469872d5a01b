"""The secrets that the settings contain, or name in AWS Secrets Manager.

A secret's text is the value itself, or a JSON object that contains it.
"""

import asyncio
import json
import re
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from shared.aws.sdk import create_client
from shared.errors import ConfigurationError, UnavailableError
from shared.notes.database_url import is_postgres
from shared.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from shared.settings import Settings

_TIMEOUT_SECONDS = 2
_ATTEMPTS = 3
_POSTGRES_PORT = 5432
_CODE = re.compile(r"\w{1,64}", re.ASCII)
_NO_VALUE = "has no value: put one, for example with aws secretsmanager put-secret-value"
_REMEDIES = {
    "ResourceNotFoundException": "create it in {region}, or name another",
    "AccessDeniedException": "allow this function secretsmanager:GetSecretValue on it",
    "DecryptionFailure": "allow this function kms:Decrypt with its key",
    "InvalidRequestException": "name one that is not scheduled for deletion",
    "InvalidParameterException": "name one by its name or ARN",
    "ValidationException": "name one by its name or ARN",
}


class Secrets:
    """The secrets of one container. Each is fetched at first use: an exact hit needs none."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def hf_token(self) -> Secret:
        """Return the token for the model hosts; empty if none is set."""
        settings = self._settings
        if settings.hf_token_secret:
            variable = f"{settings.vendor}_TOKEN_SECRET"
            return self._cached(variable, settings.hf_token_secret, parse_token)
        return Secret.static(settings.hf_token)

    def database_url(self) -> "str | Secret":
        """Return the URL of the note store."""
        settings = self._settings
        if settings.database_url_secret:
            parse = partial(parse_database_url, address=settings.explicit_database_url)
            return self._cached("DATABASE_URL_SECRET", settings.database_url_secret, parse)
        return settings.database_url

    def redis_userinfo(self) -> Secret:
        """Return Redis' user and password as `user:password`, percent-encoded as in a URL."""
        name = self._settings.redis_password_secret
        return self._cached("REDIS_CACHE_PASSWORD_SECRET", name, parse_redis_userinfo)

    def _cached(self, variable: str, name: str, parse: "Callable[[str], str]") -> Secret:
        async def fetch() -> str:
            return parse(await asyncio.to_thread(self._fetch, variable, name))

        return Secret(variable, fetch)

    def _fetch(self, variable: str, name: str) -> str:
        """Fetch the current text of the secret that a setting names, by name or ARN."""
        client = self._client  # imports boto3
        from botocore.exceptions import ClientError  # noqa: PLC0415  # as boto3

        prefix = f"the secret that {variable} names"
        try:
            reply = client.get_secret_value(SecretId=name)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            code = code if _CODE.fullmatch(code) else "unknown"
            if "staging label" in error.response.get("Error", {}).get("Message", ""):
                raise ConfigurationError(f"{prefix} {_NO_VALUE}") from error
            if code in _REMEDIES:
                remedy = _REMEDIES[code].format(region=self._settings.aws_region)
                raise ConfigurationError(f"{prefix} cannot be read ({code}): {remedy}") from error
            raise UnavailableError(f"{prefix} cannot be read ({code})") from error
        except Exception as error:  # botocore does not translate the errors of its parsers
            raise UnavailableError(f"{prefix} cannot be read ({type(error).__name__})") from None
        text = reply.get("SecretString")
        if text is None and "SecretBinary" in reply:
            raise ConfigurationError(f"{prefix} must be text, not binary")
        if not isinstance(text, str) or not text.strip():
            raise ConfigurationError(f"{prefix} {_NO_VALUE}")
        return text

    @cached_property
    def _client(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = create_client(
            "secretsmanager",
            self._settings.aws_region,
            timeout=_TIMEOUT_SECONDS,
            attempts=_ATTEMPTS,
            needed_by="HF_TOKEN_SECRET, DATABASE_URL_SECRET and REDIS_CACHE_PASSWORD_SECRET:"
            " install it, or set HF_TOKEN, DATABASE_URL and a REDIS_CACHE_URL with the password",
        )
        return client


def parse_token(text: str) -> str:
    """Return a token from `hf_…`, `{"HF_TOKEN": "hf_…"}` or `{"LLM_TOKEN": "…"}`.

    Raises:
        ConfigurationError: the text has another form, or the token cannot be sent in a header.
    """
    fields = _json_object("HF_TOKEN_SECRET", text)
    token = (
        text.strip()
        if fields is None
        else str(fields.get("HF_TOKEN") or fields.get("LLM_TOKEN", ""))
    )
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise ConfigurationError(
            "the secret that HF_TOKEN_SECRET names must be a token of visible ASCII characters,"
            ' or {"HF_TOKEN": "…"} or {"LLM_TOKEN": "…"} with one'
        )
    return token


def parse_database_url(text: str, address: str = "") -> str:
    """Return a URL from `postgresql://…`, `{"DATABASE_URL": "postgresql://…"}` or RDS' form.

    RDS' form has `username`, `password`, `host`, `port` and `dbname`, and optionally `sslmode` and
    `sslrootcert`. A secret that RDS manages has `username` and `password` only: then `address`
    (`postgresql://host/dbname`) completes it.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html

    Raises:
        ConfigurationError: the text has another form.
    """
    fields = _json_object("DATABASE_URL_SECRET", text)
    if fields is None:
        url = text.strip()
    elif "DATABASE_URL" in fields:
        url = str(fields["DATABASE_URL"])
    else:
        url = _rds_url(fields, address)
    if not is_postgres(url):
        raise ConfigurationError(
            "the secret that DATABASE_URL_SECRET names must be"
            " postgresql://user:password@host:port/database, or JSON with username, password,"
            " host and dbname (without the last two if DATABASE_URL contains them)"
        )
    return url


def parse_redis_userinfo(text: str) -> str:
    """Return `user:password`, percent-encoded, from a password or `{"username", "password"}`.

    Without a username it is the default user's.

    Raises:
        ConfigurationError: the text has another form.
    """
    fields = _json_object("REDIS_CACHE_PASSWORD_SECRET", text)
    if fields is None:
        fields = {"password": text.strip()}
    user, password = fields.get("username") or "", fields.get("password")
    if not password or not all(
        isinstance(each, str) and each.isprintable() for each in (user, password)
    ):
        raise ConfigurationError(
            "the secret that REDIS_CACHE_PASSWORD_SECRET names must be a password of printable"
            ' characters, or {"password": "…"} with one, or {"username": "…", "password": "…"}'
        )
    return f"{quote(user, safe='')}:{quote(password, safe='')}"


def _json_object(variable: str, text: str) -> dict[str, Any] | None:
    """Decode a JSON object; None if the text does not begin with a brace."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        fields: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):  # from None: the parser's error contains the text
        raise ConfigurationError(
            f"the secret that {variable} names begins with {{ and is not valid JSON; put a value"
            " that begins with { into a JSON object"
        ) from None
    return fields


def _rds_url(fields: dict[str, Any], address: str) -> str:
    if not all(fields.get(name) for name in ("username", "password")):
        return ""
    user, password = (quote(str(fields[key]), safe="") for key in ("username", "password"))
    if address:
        parts = urlsplit(address)
        return parts._replace(netloc=f"{user}:{password}@{parts.netloc}").geturl()
    if not all(fields.get(name) for name in ("host", "dbname")):
        return ""
    host = f"{fields['host']}:{fields.get('port', _POSTGRES_PORT)}"
    name = quote(str(fields["dbname"]), safe="")
    tls = urlencode({key: fields[key] for key in ("sslmode", "sslrootcert") if fields.get(key)})
    return f"postgresql://{user}:{password}@{host}/{name}{'?' if tls else ''}{tls}"
