"""Checks of the URLs in settings. No error quotes a URL, because it may hold a password."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from shared.errors import ConfigurationError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]{0,39}://")
_NAME = re.compile(r"\w{1,64}")
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_ORIGIN = re.compile(r"[a-z]+://[^/?#@A-Z]+")  # as browsers send it

_ENCODE = (
    "has no valid host and port; percent-encode special characters in a password:"
    " / as %2F, # as %23, ? as %3F, @ as %40"
)


def check_http_url(variable: str, text: str) -> None:
    """Check the URL of an HTTP server.

    Raises:
        ConfigurationError: it is not absolute, or its scheme is not http or https.
    """
    url = split_url(variable, text, ("https", "http"))
    require_ports(variable, url.netloc)
    if not url.hostname:
        raise ConfigurationError(f"{variable} names no host: write https://host/path")


def check_base_path(variable: str, text: str) -> None:
    """Check the path below which an HTTP server serves; empty is the root.

    Raises:
        ConfigurationError: it does not begin with a slash, or ends with one.
    """
    if not _BASE_PATH.fullmatch(text):
        raise ConfigurationError(
            f"{variable} must be a path such as /tercet: segments of letters, digits, '.', '_', '~'"
            " and '-', each after a slash"
        )


def split_origins(variable: str, text: str, *, local: bool) -> list[str]:
    """Split the origins of pages at commas; `*` is every origin, but not in local mode.

    https://fetch.spec.whatwg.org/#cors-protocol-and-http-responses

    Raises:
        ConfigurationError: one is no origin, or it is `*` in local mode.
    """
    origins = [origin.strip() for origin in text.split(",") if origin.strip()]
    for origin in origins:
        if origin == "*" and local:
            raise ConfigurationError(
                f"{variable} must name each origin in local mode: any page could read the notes"
            )
        if origin != "*":
            check_http_url(variable, origin)
            if not _ORIGIN.fullmatch(origin):
                raise ConfigurationError(
                    f"{variable} must list origins such as https://app.example, without a path"
                    " and in lower case, separated by commas"
                )
    return origins


def split_url(variable: str, text: str, schemes: Iterable[str]) -> SplitResult:
    """Split a URL with one of these schemes.

    Raises:
        ConfigurationError: it has another scheme, or white space.
    """
    if any(each.isspace() or not each.isprintable() for each in text):
        raise ConfigurationError(f"{variable} must not contain white space or control characters")
    try:
        url = urlsplit(text)
    except ValueError:  # of an IPv6 address
        raise ConfigurationError(f"{variable} {_ENCODE}") from None
    if url.scheme not in schemes:
        begins = " or ".join(f"{each}://" for each in schemes)
        found = _SCHEME.match(text)
        but = f", not with {found[0]}" if found else ""
        raise ConfigurationError(f"{variable} must begin with {begins}{but}")
    return url


def require_ports(variable: str, netloc: str) -> None:
    """Check the ports of a URL's hosts, which commas separate.

    Raises:
        ConfigurationError: a port is not a number from 1 to 65535.
    """
    try:
        valid = all(urlsplit(f"//{host}").port != 0 for host in netloc.split(","))
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(f"{variable} {_ENCODE}")


def require_encoded(variable: str, url: SplitResult) -> None:
    """Check that no special character of a password splits the URL at another place.

    Raises:
        ConfigurationError: one does.
    """
    userinfo, _, hosts = url.netloc.rpartition("@")
    if "@" in userinfo or "@" in url.path or (not userinfo and "@" in url.query) or url.fragment:
        raise ConfigurationError(f"{variable} {_ENCODE}")
    require_ports(variable, hosts)


def require_file(variable: str, parameter: str, path: str) -> None:
    """Check that the file, or folder, that a parameter of a URL names exists.

    Raises:
        ConfigurationError: it does not.
    """
    if not Path(path).exists():
        raise ConfigurationError(f"{variable}: {parameter} names a file that does not exist")


def unknown_parameter(variable: str, name: str, known: Iterable[str]) -> ConfigurationError:
    """Return the error for a query parameter; it names the parameter if it can be no password."""
    shown = name if _NAME.fullmatch(name) else "that is no word"
    return ConfigurationError(
        f"{variable} has a parameter {shown}, which Tercet does not support; it supports"
        f" {', '.join(sorted(known))}"
    )
