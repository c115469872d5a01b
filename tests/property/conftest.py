"""What worlds of interleaved requests run against."""

from collections.abc import Iterator

import pytest

from tests.support.interleaving.ports import Wire


@pytest.fixture
def wire(valkey_url: str) -> Iterator[Wire]:
    wire = Wire(valkey_url)
    yield wire
    wire.call("FLUSHALL")
    wire.close()
