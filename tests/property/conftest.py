"""The Valkey server of the simulated worlds."""

import gc
from collections.abc import Iterator

import pytest

from tests.support.interleaving.adapters import Wire


@pytest.fixture
def wire(valkey_url: str) -> Iterator[Wire]:
    wire = Wire(valkey_url)
    gc.freeze()  # else each collection traverses what all tests of the process have imported
    yield wire
    gc.unfreeze()
    wire.call("FLUSHALL")
    wire.close()
