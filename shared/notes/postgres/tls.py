"""TLS to PostgreSQL where nobody says how: verified, unless the server is this machine.

asyncpg's own default is libpq's, `sslmode=prefer`: it takes any certificate, and goes on in the
clear where TLS is refused, so that whoever is in between can read the notes and the password.
"""

import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qs, urlsplit

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def select_ssl(url: str, environ: Mapping[str, str]) -> ssl.SSLContext | str | None:
    """Choose what asyncpg is given as `ssl`; None leaves it to the URL and the environment.

    What `sslmode` or PGSSLMODE says is done. A file of authorities alone (`sslrootcert`) means
    `verify-full`. Where there is neither, the authorities are those of the system.
    """
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    if "sslmode" in asked or environ.get("PGSSLMODE"):
        return None
    hosts = parts.netloc.rpartition("@")[2] or ",".join(asked.get("host", ()))
    if _is_here(hosts or environ.get("PGHOST", "")):
        return None
    if "sslrootcert" in asked or environ.get("PGSSLROOTCERT"):
        return "verify-full"
    return _verifying()


def _is_here(hosts: str) -> bool:
    """Whether every server that is named is this machine; a path names a Unix socket."""
    named = (host for host in hosts.split(",") if host and not host.startswith("/"))
    return {urlsplit(f"//{host}").hostname for host in named} <= _HERE


@cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()
