"""The cluster node that holds the shared circuit breaker state goes down."""

import os
import signal

import pytest
from redis.crc import key_slot

from infra.local.valkey import ValkeyProcess
from shared.cache import keyspace
from shared.cache.redis.factory import open_redis_client
from shared.cache.session import CacheSession
from shared.inference.circuit_breaker import CircuitBreaker
from shared.inference.shared_circuit_state import SharedCircuitState, breaker_keys
from shared.settings import Settings
from tests.support.caches import PIPELINE, a_vector, an_answer, sources
from tests.support.servers import ValkeyCluster, valkey_cluster
from tests.support.waiting import repeated

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

USERS = [f"user {number}" for number in range(24)]


def node_of(cluster: ValkeyCluster, key: str) -> ValkeyProcess:
    return cluster.nodes[key_slot(key.encode()) * 3 // 16_384]


async def test_cache_works_for_users_of_other_nodes() -> None:
    with valkey_cluster(cluster_node_timeout=500, cluster_require_full_coverage="no") as cluster:
        settings = Settings(
            redis_url=cluster.url, redis_cluster=True, redis_timeout=1, embeddings_per_user=True
        )
        redis_client = open_redis_client(settings)
        breaker = CircuitBreaker("model", "https://models.example", settings)
        lost = node_of(cluster, breaker_keys(breaker.id).state)
        user = next(
            user for user in USERS if node_of(cluster, keyspace.UserKeys.of(user).questions) != lost
        )

        async def is_stored() -> bool:
            session = CacheSession(
                redis_client,
                settings,
                user_id=user,
                question="what is faith",
                pipeline=PIPELINE,
                extension=SharedCircuitState([breaker]),
            )
            await session.lookup()
            await session.load_miss_context()
            async with breaker.call():
                pass
            stored = await session.store(a_vector("what is faith"), sources(), an_answer())
            return bool(stored) and session.status == "ok"

        assert await is_stored()
        os.kill(lost.pid, signal.SIGKILL)
        await repeated(is_stored)
        assert [await is_stored() for _ in range(5)].count(True) >= 3, "too few on a busy machine"
        assert breaker.state == "closed"
        await redis_client.aclose()
