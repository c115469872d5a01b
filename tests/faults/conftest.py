"""A server with faults, and circuit breakers that probe it soon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.valkey import start_valkey
from shared.cache.redis import circuit_breaker
from tests.support.faulty_proxy import FaultyProxy
from tests.support.local_environment import LocalEnvironment
from tests.support.model_outage import fake_models_and_redis
from tests.support.redis_faults import FaultyRedis


@pytest.fixture
def redis() -> Iterator[FaultyRedis]:
    server = start_valkey()
    with FaultyProxy(server.port) as proxy:
        redis = FaultyRedis(server, proxy)
        yield redis
        redis.recover()
        redis.server.stop()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalEnvironment]:
    with fake_models_and_redis(tmp_path) as local:
        yield local


@pytest.fixture(autouse=True)
def short_open_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe after 0.3 s instead of 2 s."""
    monkeypatch.setattr(circuit_breaker, "OPEN_SECONDS", 0.3)
