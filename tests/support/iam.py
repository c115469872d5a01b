"""ElastiCache's side of IAM: the tokens that AWS' own signer makes let a user in, and no others."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from unittest.mock import patch

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from redis import Redis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.local.valkey import ValkeyProcess
    from shared.aws.credentials import Credentials

ADMIN = "admin"


def by_botocore(
    host: str,
    query: dict[str, str],
    region: str,
    *,
    credentials: "Credentials",
    at: int,
    valid: int,
) -> str:
    """The presigned address that botocore makes at a moment."""
    known = BotocoreCredentials(
        credentials.key_id, credentials.secret, credentials.session_token or None
    )
    request = AWSRequest("GET", f"https://{host}/", params=query)
    moment = datetime.fromtimestamp(at, UTC)
    with patch("botocore.auth.get_current_datetime", lambda: moment):
        SigV4QueryAuth(known, "elasticache", region, expires=valid).add_auth(request)
    return str(request.url).removeprefix("https://")


def tokens(user: str, name: str, credentials: "Credentials", seconds: "Iterable[int]") -> list[str]:
    """The token of each of these seconds since 1970."""
    query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
    return [
        by_botocore(name, query, "eu-central-1", credentials=credentials, at=at, valid=900)
        for at in seconds
    ]


def command(node: "ValkeyProcess", *words: str) -> object:
    """Send a node a command as its administrator."""
    with Redis(port=node.port, password=ADMIN) as client:
        return client.execute_command(*words)


def lock(nodes: "Iterable[ValkeyProcess]") -> None:
    """Let in nobody but the administrator."""
    for node in nodes:
        with Redis(port=node.port) as client:
            client.execute_command("ACL", "SETUSER", "default", "resetpass", f">{ADMIN}")


def admit(nodes: "Iterable[ValkeyProcess]", user: str, passwords: "Iterable[str]") -> None:
    """Let a user in with these passwords, and no others."""
    shown = [f">{password}" for password in passwords]
    for node in nodes:
        command(node, "ACL", "SETUSER", user, "reset", "on", "~*", "&*", "+@all", *shown)


def disconnect(nodes: "Iterable[ValkeyProcess]") -> None:
    """Close every client's connection, as ElastiCache does after twelve hours."""
    for node in nodes:
        command(node, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
