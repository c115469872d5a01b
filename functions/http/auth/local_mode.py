"""Local mode: the user is whoever a header says, between one's own machine and itself."""

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
    """Refuse to start local mode where anybody else could reach it.

    Args:
        environ: the process's environment.
        host: the address that the server is going to listen on.

    Raises:
        ConfigurationError: this is Lambda, or the address is not a loopback address.
    """
    if any(environ.get(variable) for variable in _LAMBDA):
        raise ConfigurationError("TERCET_LOCAL is for one's own machine: unset it in Lambda")
    if not is_loopback(host):
        raise ConfigurationError(f"TERCET_LOCAL listens on loopback alone (127.0.0.1), not {host}")


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this very machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def local_user(request: "Request") -> str:
    """Read the header that names the user.

    Raises:
        ForbiddenError: the request comes from, came in at or asks for another host than loopback.
        UnauthenticatedError: there is no header.
        InvalidRequestError: the header is not UTF-8.
    """
    client, server = (request.scope.get(side) or (None,) for side in ("client", "server"))
    # The name too: a page of another site may have its own name point to this machine.
    named = _named_host(request.headers.get("host", server[0]))
    if not all(is_loopback(host) for host in (client[0], server[0], named)):
        raise ForbiddenError("local mode answers this machine alone, as 127.0.0.1 or localhost")
    user_id = request.headers.get(USER_HEADER)
    if not user_id:
        raise UnauthenticatedError(f"local mode: say who asks in the header {USER_HEADER}")
    try:
        return user_id.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{USER_HEADER} must be UTF-8") from None


def _named_host(host: str | None) -> str | None:
    """Read a Host header; Starlette would put the server's own address for one that is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
