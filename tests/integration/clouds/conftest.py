"""Fixtures: Valkey, notes in SQLite, models and a token issuer for every deployment."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.clouds.deployments import DEPLOYMENTS, Deployment
from tests.support.local_environment import LocalEnvironment, start_local_environment
from tests.support.tokens import AUDIENCE, ISSUER, issuing


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path_factory.mktemp("notes")) as local, issuing() as issuer:
        local.environ |= {
            "AUTH_JWKS_URL": issuer.url,
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "SEMANTIC_VERIFIER": "none",
        }
        yield local


@pytest.fixture
def local(servers: LocalEnvironment, monkeypatch: pytest.MonkeyPatch) -> LocalEnvironment:
    """The servers, with the environment variables of this process set."""
    servers.models.reset()
    for name, value in servers.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)  # pytest captures the root logger
    return servers


@pytest.fixture(params=list(DEPLOYMENTS))
async def deployment(
    request: pytest.FixtureRequest, local: LocalEnvironment
) -> AsyncIterator[Deployment]:
    async with DEPLOYMENTS[request.param]() as opened:
        yield opened
