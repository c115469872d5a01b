"""DATABASE_URL: its forms, and the query parameters of PostgreSQL URLs of hosts and other drivers.

libpq's: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

# ruff: noqa: SIM905 - word lists as literals would have a line for each word

from urllib.parse import parse_qsl, quote, urlencode

from shared.errors import ConfigurationError
from shared.urls import require_encoded, require_file, split_url, unknown_parameter

SQLITE = "sqlite:///"
_SCHEMES = ("postgresql", "postgres")

_ASYNCPG = frozenset(
    "database dbname gsslib host krbsrvname passfile password port service sslcert sslcrl sslkey"
    " sslmode sslnegotiation sslpassword sslrootcert ssl_max_protocol_version"
    " ssl_min_protocol_version target_session_attrs user".split()
)
_SERVER_SETTINGS = frozenset(
    "application_name idle_in_transaction_session_timeout idle_session_timeout jit lock_timeout"
    " options role search_path statement_timeout timezone work_mem".split()
)
_RENAMED = {
    "ApplicationName": "application_name",
    "currentSchema": "schema",
    "fallback_application_name": "application_name",
}
# Options of other drivers' pools, statements and time-outs; Tercet has its own.
_IGNORED = frozenset(
    "binary_parameters client_encoding command_timeout connect_timeout connection_limit"
    " default_query_exec_mode gssdelegation gssencmode keepalives keepalives_count keepalives_idle"
    " keepalives_interval load_balance_hosts loginTimeout max_overflow pgbouncer pool"
    " pool_max_conns pool_min_conns pool_mode pool_recycle pool_size pool_timeout prepareThreshold"
    " prepare_threshold prepared_statement_cache_size prepared_statements socketTimeout"
    " socket_timeout sslcompression sslsni statement_cache_capacity statement_cache_size supa"
    " tcpKeepAlive tcp_user_timeout timeout uselibpqcompat workaround".split()
)
_VALUES = {
    "channel_binding": ("disable", "prefer", "require"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        *("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    ),
}
_SUPPORTED = _ASYNCPG | _SERVER_SETTINGS | _VALUES.keys() | {"schema", "ssl"}
_FILES = frozenset({"sslcert", "sslcrl", "sslkey", "sslrootcert"})
_UNVERIFIED = frozenset({"allow", "prefer", "require"})


def check_database_url(url: str) -> None:
    """Check the form of DATABASE_URL.

    Raises:
        ConfigurationError: it names neither a SQLite file nor a PostgreSQL database.
    """
    if is_postgres(url):
        normalize_postgres_url(url)
        return
    path = url.removeprefix(SQLITE)
    if path in {url, ""} or path.startswith(":memory:") or "?" in path:
        raise ConfigurationError(
            "DATABASE_URL must have the form sqlite:///relative.db or sqlite:////absolute.db,"
            " without parameters, or postgresql://user:password@host:port/database"
        )


def is_postgres(url: str) -> bool:
    """Whether a URL begins with postgresql:// or postgres://."""
    return url.startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def normalize_postgres_url(text: str, variable: str = "DATABASE_URL") -> str:
    """Return the URL with the parameters that asyncpg supports.

    A schema becomes the search path, with `public` for pgvector. asyncpg cannot bind the channel:
    where a URL requires that, the certificate is verified instead, which protects against the same
    attack.

    Raises:
        ConfigurationError: the URL has another form or a parameter that Tercet does not support.
    """
    url = split_url(variable, text, _SCHEMES)
    require_encoded(variable, url)
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(url.query):
        if name not in _IGNORED:
            parameters |= _parse_parameter(variable, name, value)
    sslmode = parameters.get("sslmode")
    if parameters.get("sslrootcert") == "system":  # libpq 16's name of what is the default here
        del parameters["sslrootcert"]
        parameters.pop("sslmode", None)
    if parameters.pop("channel_binding", "") == "require":
        if sslmode == "disable":
            raise ConfigurationError(
                f"{variable}: channel_binding=require contradicts sslmode=disable"
            )
        if sslmode in _UNVERIFIED:
            parameters.pop("sslmode", None)
    for name in _FILES & parameters.keys():
        require_file(variable, name, parameters[name])
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    return f"{url.scheme}://{url.netloc}{url.path}{query}"


def _parse_parameter(variable: str, name: str, value: str) -> dict[str, str]:
    name = _RENAMED.get(name, name)
    if name not in _SUPPORTED:
        raise unknown_parameter(variable, name, _SUPPORTED)
    if name == "ssl":
        if value in ("true", "1"):
            return {}  # the default is stricter
        name, value = "sslmode", "disable" if value in ("false", "0") else value
    if name in _VALUES and value not in _VALUES[name]:
        expected = ", ".join(_VALUES[name])
        raise ConfigurationError(f"{variable}: {name} must be one of {expected}")
    if name == "schema":
        return {"search_path": f'"{value}", public'}
    return {name: value}
