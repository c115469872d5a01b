"""Unit tests start no server and no process; tests that need one belong to tests/integration."""

import socket
import subprocess

import pytest

_SERVER_FIXTURES = {"valkey_url", "cluster_url", "postgres_server", "counting_server"}


@pytest.fixture(autouse=True)
def _starts_no_server_and_no_process(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _SERVER_FIXTURES.intersection(request.fixturenames), "a unit test needs a server"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a unit test starts a server or a process")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(socket.socket, "listen", refuse)
