"""Local mode: an unverified header names the user, and only loopback requests are accepted."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidRequestError,
    UnauthenticatedError,
)

if TYPE_CHECKING:
    from starlette.requests import Request

USER_HEADER = "X-Tercet-User"
_LAMBDA = ("AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT")


def check_local_mode(environ: Mapping[str, str], host: str = "127.0.0.1") -> None:
    """Check that a server in local mode is not reachable from other machines.

    Args:
        environ: the process's environment.
        host: the address that the server will listen on.

    Raises:
        ConfigurationError: this is Lambda, or `host` is not a loopback address.
    """
    if in_lambda(environ):
        raise ConfigurationError("TERCET_LOCAL is for local use only: unset it in Lambda")
    if not is_loopback(host):
        raise ConfigurationError(
            "without authentication the host must be a loopback address, such as 127.0.0.1, not"
            f" {host}"
        )


def in_lambda(environ: Mapping[str, str]) -> bool:
    """Whether this process runs in AWS Lambda, where a gateway may authenticate."""
    return any(environ.get(variable) for variable in _LAMBDA)


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine's loopback interface."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def local_user(request: "Request") -> str:
    """Return the user that the header names.

    Raises:
        ForbiddenError: client address, server address or Host header is not loopback.
        UnauthenticatedError: the header is missing.
        InvalidRequestError: the header is not UTF-8.
    """
    client, server = (request.scope.get(side) or (None,) for side in ("client", "server"))
    # The Host header is checked against DNS rebinding.
    host_name = _host_name(request.headers.get("host", server[0]))
    if not all(is_loopback(host) for host in (client[0], server[0], host_name)):
        raise ForbiddenError("local mode only serves this machine, at 127.0.0.1 or localhost")
    user_id = request.headers.get(USER_HEADER)
    if not user_id:
        raise UnauthenticatedError(f"local mode: name the user in the header {USER_HEADER}")
    try:
        return user_id.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{USER_HEADER} must be UTF-8") from None


def _host_name(host: str | None) -> str | None:
    """Parse a Host header; Starlette would replace an invalid one by the server's address."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
