"""The Valkey server of the simulated worlds."""

from collections.abc import Iterator

import pytest

from tests.support.interleaving.adapters import Wire


@pytest.fixture
def wire(valkey_url: str) -> Iterator[Wire]:
    wire = Wire(valkey_url)
    yield wire
    wire.call("FLUSHALL")
    wire.close()
