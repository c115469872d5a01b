"""What to do about errors of Redis that a wrong setting causes."""

_REMEDIES = (
    ("MovedError", "the server is a node of a cluster: set REDIS_CACHE_CLUSTER=true"),
    ("cluster support disabled", "the server is not a cluster: set REDIS_CACHE_CLUSTER=false"),
    (
        "DB index is out of range",
        "the server does not have the database of REDIS_CACHE_URL: use /0",
    ),
    ("SELECT is not allowed", "the server is a node of a cluster: set REDIS_CACHE_CLUSTER=true"),
    ("HELLO must be called", "the server requires the password that REDIS_CACHE_URL lacks"),
    ("Authentication required", "the server requires the password that REDIS_CACHE_URL lacks"),
    ("without any password", "the server requires no password: remove it from REDIS_CACHE_URL"),
    ("invalid username-password", "the server refused the user or the password"),
    (
        "NoPermissionError",
        "the user lacks a permission: allow all commands but @admin, and all keys",
    ),
    ("unknown command", "the server lacks a command: use Redis 7, Valkey 7.2 or newer"),
    ("ReadOnlyError", "the server is a replica: REDIS_CACHE_URL must lead to the primary server"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not valid: add ?ssl_ca_certs= to the URL"),
    ("WRONG_VERSION_NUMBER", "the server does not use TLS: begin the URL with redis://"),
    ("record layer failure", "the server does not use TLS: begin the URL with redis://"),
    ("Name or service not known", "the host of REDIS_CACHE_URL is unknown"),
    ("No address associated", "the host of REDIS_CACHE_URL is unknown"),
    ("Connect call failed", "no server listens at the host and port of REDIS_CACHE_URL"),
    ("No such file", "no server listens at the socket of REDIS_CACHE_URL"),
)
"""Texts of errors of servers, TLS and sockets, with a remedy. The first that matches counts."""


def find_remedy(error: BaseException) -> str:
    """Return the remedy of an error, or an empty text. It quotes nothing of the error."""
    text = f"{type(error).__name__}: {error}"
    return next((remedy for found, remedy in _REMEDIES if found in text), "")
