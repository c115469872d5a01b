"""The address of Redis in the settings: REDIS_CACHE_URL with its parameters, or host and port."""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from shared.errors import ConfigurationError
from shared.urls import require_encoded, require_file, split_url, unknown_parameter

DEFAULT_PORT = 6379
_HOST = re.compile(r"[\w.-]+|\[?[0-9A-Fa-f:.]+\]?")
_VARIABLE = "REDIS_CACHE_URL"
_BOOLEAN = "true|false|yes|no|1|0"

_PARAMETERS = {
    "client_name": r"[!-~]+",
    "db": r"\d{1,6}",
    "health_check_interval": r"\d{1,6}",
    "password": r".*",
    "protocol": "2|3",
    "username": r".*",
}
"""Parameters of redis-py, with a pattern of their values."""

_TCP_PARAMETERS = {"socket_keepalive": _BOOLEAN}
_TLS_PARAMETERS = {
    "ssl_ca_certs": r".+",
    "ssl_ca_path": r".+",
    "ssl_cert_reqs": "none|optional|required",
    "ssl_certfile": r".+",
    "ssl_check_hostname": _BOOLEAN,
    "ssl_keyfile": r".+",
    "ssl_password": r".*",
}
_FILES = frozenset({"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"})

_ALLOWED = {
    "redis": _PARAMETERS | _TCP_PARAMETERS,
    "rediss": _PARAMETERS | _TCP_PARAMETERS | _TLS_PARAMETERS,
    "unix": _PARAMETERS,
}

_REMEDIES = {
    **dict.fromkeys(("decode_responses", "encoding"), "remove it: Tercet stores bytes"),
    **dict.fromkeys(
        ("socket_timeout", "socket_connect_timeout", "timeout"), "set REDIS_CACHE_TIMEOUT instead"
    ),
    "max_connections": "set REDIS_CACHE_CONNECTIONS instead",
    "retry_on_timeout": "remove it: Tercet repeats a round trip once",
    "ssl": "begin the URL with rediss:// instead",
    "cluster": "set REDIS_CACHE_CLUSTER instead",
    **dict.fromkeys(_TLS_PARAMETERS, "it needs a URL that begins with rediss:// (TLS)"),
}


class RedisAddress(NamedTuple):
    """What a URL contains: the number of the database, and whether a user or a password."""

    database: int
    has_credentials: bool


def parse_redis_url(text: str) -> RedisAddress:
    """Check the URL.

    Raises:
        ConfigurationError: its form, a parameter or a parameter's value is not supported.
    """
    url = split_url(_VARIABLE, text, _ALLOWED)
    require_encoded(_VARIABLE, url)
    if url.scheme == "unix" and not url.path:
        raise ConfigurationError(f"{_VARIABLE} names no socket: write unix:///path/of/the/socket")
    if url.scheme != "unix" and not url.hostname:
        raise ConfigurationError(f"{_VARIABLE} names no host: write {url.scheme}://host:6379/0")
    allowed = _ALLOWED[url.scheme]
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    for name, value in parameters.items():
        if name not in allowed:
            if name in _REMEDIES:
                raise ConfigurationError(f"{_VARIABLE} has {name}: {_REMEDIES[name]}")
            raise unknown_parameter(_VARIABLE, name, allowed)
        if not re.fullmatch(allowed[name], value, re.IGNORECASE):
            form = allowed[name].replace("|", " or ")
            form = "a whole number" if r"\d" in form else form
            raise ConfigurationError(f"{_VARIABLE} has an invalid {name}; it must be {form}")
        if name in _FILES:
            require_file(_VARIABLE, name, value)
    path = "" if url.scheme == "unix" else url.path.strip("/")
    # redis-py uses database 0 if the path is not a number.
    if path and not re.fullmatch(_PARAMETERS["db"], path):
        raise ConfigurationError(
            f"{_VARIABLE} must end with the number of a database, for example /0"
        )
    database = int(parameters.get("db", path or "0"))
    if path and int(path) != database:
        raise ConfigurationError(f"{_VARIABLE} names two databases, {int(path)} and db={database}")
    has_credentials = "@" in url.netloc or not {"username", "password"}.isdisjoint(parameters)
    return RedisAddress(database, has_credentials)


def read_redis_address(given: dict[str, Any]) -> None:
    """Set `redis_url` from `redis_host` and `redis_port`, or compare them with it.

    Raises:
        ConfigurationError: the host is invalid, or they contradict the URL.
    """
    host, port = given.get("redis_host"), given.get("redis_port")
    if not (host or port):
        return
    if host and not _HOST.fullmatch(host):
        raise ConfigurationError("REDIS_CACHE_HOST must be a host name or an IP address only")
    name = (host or "localhost").strip("[]").lower()
    address = f"[{name}]" if ":" in name else name
    url = given.setdefault("redis_url", f"redis://{address}:{port or DEFAULT_PORT}/1")
    parse_redis_url(url)
    parts = urlsplit(url)
    if (host and name != parts.hostname) or (port and port != (parts.port or DEFAULT_PORT)):
        raise ConfigurationError(
            "REDIS_CACHE_HOST and REDIS_CACHE_PORT contradict REDIS_CACHE_URL: set either the URL,"
            " or host and port"
        )
