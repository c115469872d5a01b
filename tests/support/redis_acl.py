"""Users and passwords of Redis servers, and the IAM tokens that AWS' own signer creates."""

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

ADMIN_PASSWORD = "admin"


def presign_with_botocore(
    host: str,
    query: dict[str, str],
    region: str,
    *,
    credentials: "Credentials",
    signed_at: int,
    expires_in: int,
) -> str:
    """The presigned URL, without its scheme, that botocore creates."""
    botocore_credentials = BotocoreCredentials(
        credentials.key_id, credentials.secret, credentials.session_token or None
    )
    request = AWSRequest("GET", f"https://{host}/", params=query)
    time = datetime.fromtimestamp(signed_at, UTC)
    with patch("botocore.auth.get_current_datetime", lambda: time):
        SigV4QueryAuth(botocore_credentials, "elasticache", region, expires=expires_in).add_auth(
            request
        )
    return str(request.url).removeprefix("https://")


def iam_tokens(
    user: str, cache_name: str, credentials: "Credentials", seconds: "Iterable[int]"
) -> list[str]:
    """The ElastiCache token signed at each of these seconds since 1970."""
    query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
    return [
        presign_with_botocore(
            cache_name,
            query,
            "eu-central-1",
            credentials=credentials,
            signed_at=second,
            expires_in=900,
        )
        for second in seconds
    ]


def admin_command(node: "ValkeyProcess", *words: str) -> object:
    """Execute a command as the administrator."""
    with Redis(port=node.port, password=ADMIN_PASSWORD) as client:
        return client.execute_command(*words)


def require_password(nodes: "Iterable[ValkeyProcess]") -> None:
    """Set the administrator's password, which the default user needs from now on."""
    for node in nodes:
        with Redis(port=node.port) as client:
            client.execute_command("ACL", "SETUSER", "default", "resetpass", f">{ADMIN_PASSWORD}")


def set_user(nodes: "Iterable[ValkeyProcess]", user: str, passwords: "Iterable[str]") -> None:
    """Create a user with these passwords only."""
    rules = [f">{password}" for password in passwords]
    for node in nodes:
        admin_command(node, "ACL", "SETUSER", user, "reset", "on", "~*", "&*", "+@all", *rules)


def disconnect_clients(nodes: "Iterable[ValkeyProcess]") -> None:
    """Close all clients' connections, as ElastiCache does after twelve hours."""
    for node in nodes:
        admin_command(node, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
