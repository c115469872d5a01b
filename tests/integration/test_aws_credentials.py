"""Credentials of the platform's role: from the environment or the container's endpoint."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from shared.aws.credentials import Credentials, PlatformCredentials
from shared.errors import ConfigurationError, UnavailableError
from tests.support.platform_credentials import CredentialsEndpoint, credentials_endpoint
from tests.support.waiting import until

NOW = 1_800_000_000.0
CREDENTIALS = {
    "AccessKeyId": "hush",
    "SecretAccessKey": "hush",
    "Token": "hush",
    "Expiration": "2030-01-01T00:00:00Z",
}


@pytest.fixture
def endpoint() -> Iterator[CredentialsEndpoint]:
    with credentials_endpoint() as endpoint:
        endpoint.expires_at = NOW + 3600
        yield endpoint


def is_fetching(platform: PlatformCredentials) -> bool:
    task = platform._cached._task
    return task is not None and not task.done()


async def test_keys_in_the_environment_are_read_at_each_use() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "one"}
    platform = PlatformCredentials(environ)
    assert await platform.get() == Credentials("id", "one")
    environ |= {"AWS_SECRET_ACCESS_KEY": "two", "AWS_SESSION_TOKEN": "token"}
    assert await platform.get() == Credentials("id", "two", "token")


async def test_the_endpoint_is_called_once_until_credentials_are_about_to_expire(
    endpoint: CredentialsEndpoint,
) -> None:
    now = [NOW]
    platform = PlatformCredentials(endpoint.environ, lambda: now[0])
    credentials = await asyncio.gather(*(platform.get() for _ in range(5)))
    assert set(credentials) == {Credentials("id1", "secret1", "token1", NOW + 3600)}
    now[0] = NOW + 3300
    assert (await platform.get()).key_id == "id1"
    now[0] = NOW + 3301
    assert (await platform.get()).key_id == "id1"
    await until(lambda: endpoint.calls == 2 and not is_fetching(platform))
    assert (await platform.get()).key_id == "id2"
    assert endpoint.calls == 2


async def test_no_request_waits_for_an_endpoint_that_hangs_while_credentials_are_valid(
    endpoint: CredentialsEndpoint,
) -> None:
    now = [NOW]
    platform = PlatformCredentials(endpoint.environ, lambda: now[0])
    await platform.get()
    now[0] = NOW + 3599
    endpoint.released.clear()
    for _ in range(5):
        assert (await platform.get()).key_id == "id1"
        await asyncio.sleep(0)
        assert is_fetching(platform)
    endpoint.released.set()
    await until(lambda: not is_fetching(platform))
    assert (await platform.get()).key_id == "id2"
    assert endpoint.calls == 2


async def test_requests_without_credentials_share_the_failure_of_one_fetch(
    endpoint: CredentialsEndpoint,
) -> None:
    """They do not wait for an endpoint that hangs one after another."""
    endpoint.released.clear()
    platform = PlatformCredentials(endpoint.environ, lambda: NOW)
    errors = await asyncio.gather(*(platform.get() for _ in range(5)), return_exceptions=True)
    endpoint.released.set()
    assert {str(error) for error in errors} == {"AWS credentials cannot be fetched: TimeoutError"}
    assert endpoint.calls == 1


async def test_a_cancelled_request_does_not_end_the_fetch_of_others(
    endpoint: CredentialsEndpoint,
) -> None:
    endpoint.released.clear()
    platform = PlatformCredentials(endpoint.environ, lambda: NOW)
    first, second = (asyncio.create_task(platform.get()) for _ in range(2))
    await until(lambda: endpoint.calls == 1)
    first.cancel()
    endpoint.released.set()
    assert (await second).key_id == "id1"
    assert first.cancelled()
    assert endpoint.calls == 1


async def test_credentials_are_used_until_they_expire_if_the_endpoint_fails(
    endpoint: CredentialsEndpoint,
) -> None:
    now = [NOW]
    platform = PlatformCredentials(endpoint.environ, lambda: now[0])
    await platform.get()
    endpoint.status = 500
    now[0] = NOW + 3599
    assert (await platform.get()).key_id == "id1"
    now[0] = NOW + 3600
    with pytest.raises(UnavailableError, match="returned 500"):
        await platform.get()


async def test_expired_credentials_of_the_endpoint_are_not_used(
    endpoint: CredentialsEndpoint,
) -> None:
    endpoint.expires_at = NOW - 1
    with pytest.raises(UnavailableError, match="none that is valid was returned"):
        await PlatformCredentials(endpoint.environ, lambda: NOW).get()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'{"AccessKeyId": "hush", "Expiration": "soon"}', b"\xff", b"7"),
        json.dumps(CREDENTIALS | {"Token": 7}).encode(),
        json.dumps(CREDENTIALS | {"Token": "hush\ud800"}).encode(),
        json.dumps(CREDENTIALS | {"SecretAccessKey": "hush\r\nX: 1"}).encode(),
        json.dumps(CREDENTIALS | {"Expiration": "0001-01-01T00:00:00"}).encode(),
        json.dumps(CREDENTIALS | {"Expiration": 10**400}).encode(),
        b'{"Token": ' + b"9" * 5_000 + b"}",
        b"[" * 900 + b"]" * 900,
        b"[" * 50_000 + b"]",
        b" " * 100_000_000,
    ],
    ids=lambda body: f"{body[:30]} {len(body)}",
)
async def test_a_response_of_an_unknown_form_is_not_quoted(
    endpoint: CredentialsEndpoint, body: bytes
) -> None:
    endpoint.body = body
    with pytest.raises(UnavailableError, match="has an unknown form") as caught:
        await PlatformCredentials(endpoint.environ).get()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
async def test_a_response_that_arrives_byte_by_byte_is_ended(
    monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(start)
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)

    monkeypatch.setattr("shared.aws.credentials._TOTAL_SECONDS", 0.2)
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/"}
    async with asyncio.timeout(3):
        with pytest.raises(UnavailableError, match="cannot be fetched"):
            await PlatformCredentials(environ).get()
    server.close()


async def test_an_endpoint_that_does_not_exist_is_unavailable() -> None:
    with credentials_endpoint() as endpoint:
        environ = endpoint.environ
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        await PlatformCredentials(environ).get()


async def test_no_authorization_is_sent_without_a_token(endpoint: CredentialsEndpoint) -> None:
    environ = endpoint.environ
    del environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    with pytest.raises(UnavailableError, match="returned 403"):
        await PlatformCredentials(environ).get()


@pytest.mark.parametrize("uri", ["http://example.com/creds", "https://127.0.0.1/", "file:///etc"])
async def test_only_an_endpoint_on_this_machine_is_accepted(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="of this machine"):
        await PlatformCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}).get()


async def test_the_error_without_credentials_names_the_variables_to_set() -> None:
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID"):
        await PlatformCredentials({}).get()
