"""Creates the Redis client that the settings describe."""

# ruff: noqa: PLC0415  # Few deployments need IAM, a secret or a cluster.

from typing import TYPE_CHECKING, Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from shared.cache.redis.connection import TLSConnection
from shared.cache.redis.single_server import CONNECT_SECONDS, RedisServerClient

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient
    from shared.settings import Settings

_READ_SIZE = 1 << 20  # a whole index; by 64 KiB, redis-py's default, it takes twice the time
_PROTOCOL = 2  # RESP3 needs a HELLO for each connection, and hiredis twice the time for a hash
_PROBE_SECONDS = 0.003  # A probe's late reply still closes the breaker, for the next request.


def open_redis_client(settings: "Settings", *, timeout: float | None = None) -> "RedisClient":
    """Create a client. It sends nothing before the first command.

    Args:
        settings: address, credentials and limits.
        timeout: seconds for a round trip, instead of the setting's. It also applies to probes:
            give it to work that no user waits for.
    """
    options: dict[str, Any] = parse_url(settings.redis_url) | {
        # A command that continues after its time-out, and the PING after it, use two more.
        "max_connections": settings.redis_connections + 2,
        # The client has time-outs of its own. redis-py's cost a task for each round trip, and
        # lose some cancellations (`asyncio.wait_for` before Python 3.12).
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_SECONDS,
        # A connection that the server closed while the container was frozen fails once.
        "retry": Retry(NoBackoff(), 1),
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    options.setdefault("protocol", _PROTOCOL)
    if settings.redis_url.startswith("rediss:"):
        options["connection_class"] = TLSConnection
    if settings.redis_iam_user:
        from shared.cache.redis.iam_auth import IamCredentialProvider

        options["credential_provider"] = IamCredentialProvider(settings)
    if settings.redis_password_secret:
        from shared.cache.redis.password_auth import SecretPasswordAuth

        options["redis_connect_func"] = SecretPasswordAuth(settings).on_connect
    limits: dict[str, Any] = {
        "timeout": timeout or settings.redis_timeout,
        "probe_timeout": timeout or _PROBE_SECONDS,
        "max_connections": settings.redis_connections,
    }
    if settings.redis_cluster:
        from shared.cache.redis.cluster import RedisClusterClient

        return RedisClusterClient(options, **limits)
    options["socket_read_size"] = _READ_SIZE
    return RedisServerClient(Redis.from_pool(ConnectionPool(**options)), **limits)
