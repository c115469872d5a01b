"""What every deployment is run against: a Valkey, notes in SQLite, models, an issuer of tokens."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.clouds.doors import DOORS, Door
from tests.support.asking import Surroundings, surroundings
from tests.support.tokens import AUDIENCE, ISSUER, issuing


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("notes")) as around, issuing() as issuer:
        around.environ |= {
            "AUTH_JWKS_URL": issuer.url,
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "SEMANTIC_VERIFIER": "none",
        }
        yield around


@pytest.fixture
def around(world: Surroundings, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """The world, and this process's environment that points at it."""
    world.models.reset()
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)  # pytest listens at the root
    return world


@pytest.fixture(params=list(DOORS))
async def door(request: pytest.FixtureRequest, around: Surroundings) -> AsyncIterator[Door]:
    async with DOORS[request.param]() as opened:
        yield opened
