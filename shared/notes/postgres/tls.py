"""The default of TLS to PostgreSQL: verified, unless the server is on this machine.

asyncpg's own default is libpq's, `sslmode=prefer`. It accepts any certificate and falls back to an
unencrypted connection, so an attacker on the network could read the notes and the password.
"""

import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qs, urlsplit

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def select_ssl(url: str, environ: Mapping[str, str]) -> ssl.SSLContext | str | None:
    """Select the value of asyncpg's parameter `ssl`; None leaves it to the URL and the environment.

    `sslmode` and PGSSLMODE take precedence. A file of authorities alone (`sslrootcert`) means
    `verify-full`. Otherwise the system's authorities are used.
    """
    parts = urlsplit(url)
    parameters = parse_qs(parts.query)
    if "sslmode" in parameters or environ.get("PGSSLMODE"):
        return None
    hosts = parts.netloc.rpartition("@")[2] or ",".join(parameters.get("host", ()))
    if _is_local(hosts or environ.get("PGHOST", "")):
        return None
    if "sslrootcert" in parameters or environ.get("PGSSLROOTCERT"):
        return "verify-full"
    return _default_context()


def _is_local(hosts: str) -> bool:
    """Whether every named server is on this machine; a path names a Unix socket."""
    named = (host for host in hosts.split(",") if host and not host.startswith("/"))
    return {urlsplit(f"//{host}").hostname for host in named} <= _LOCAL_HOSTS


@cache
def _default_context() -> ssl.SSLContext:
    return ssl.create_default_context()
