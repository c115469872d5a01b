"""A role's credentials come from the environment or from the container's endpoint."""

import asyncio
from collections.abc import Iterator

import pytest

from shared.aws.credentials import Credentials, PlatformCredentials
from shared.errors import ConfigurationError, UnavailableError
from tests.support.platform_credentials import CredentialsEndpoint, credentials_endpoint

NOW = 1_800_000_000.0


@pytest.fixture
def endpoint() -> Iterator[CredentialsEndpoint]:
    with credentials_endpoint() as made:
        made.ends = NOW + 3600
        yield made


async def test_keys_of_the_environment_are_read_at_every_use() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "one"}
    platform = PlatformCredentials(environ)
    assert await platform.read() == Credentials("id", "one")
    environ |= {"AWS_SECRET_ACCESS_KEY": "two", "AWS_SESSION_TOKEN": "token"}
    assert await platform.read() == Credentials("id", "two", "token")


async def test_the_endpoint_is_asked_once_until_credentials_are_about_to_end(
    endpoint: CredentialsEndpoint,
) -> None:
    now = [NOW]
    platform = PlatformCredentials(endpoint.environ, lambda: now[0])
    read = await asyncio.gather(*(platform.read() for _ in range(5)))
    assert set(read) == {Credentials("id1", "secret1", "token1", NOW + 3600)}
    now[0] = NOW + 3300
    assert (await platform.read()).key_id == "id1"
    now[0] = NOW + 3301
    assert (await platform.read()).key_id == "id2"
    assert endpoint.calls == 2


async def test_credentials_serve_until_they_end_where_the_endpoint_fails(
    endpoint: CredentialsEndpoint,
) -> None:
    now = [NOW]
    platform = PlatformCredentials(endpoint.environ, lambda: now[0])
    await platform.read()
    endpoint.status = 500
    now[0] = NOW + 3599
    assert (await platform.read()).key_id == "id1"
    now[0] = NOW + 3600
    with pytest.raises(UnavailableError, match="answered 500"):
        await platform.read()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"AccessKeyId": "hush", "Expiration": "soon"}', b"\xff"]
)
async def test_a_reply_of_another_form_is_not_quoted(
    endpoint: CredentialsEndpoint, body: bytes
) -> None:
    endpoint.body = body
    with pytest.raises(UnavailableError, match="sent another form") as caught:
        await PlatformCredentials(endpoint.environ).read()
    assert "hush" not in str(caught.value)


async def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    with credentials_endpoint() as gone:
        environ = gone.environ
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        await PlatformCredentials(environ).read()


async def test_an_endpoint_that_wants_no_token_gets_none(endpoint: CredentialsEndpoint) -> None:
    environ = endpoint.environ
    del environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    with pytest.raises(UnavailableError, match="answered 403"):
        await PlatformCredentials(environ).read()


@pytest.mark.parametrize("uri", ["http://example.com/creds", "https://127.0.0.1/", "file:///etc"])
async def test_credentials_come_in_the_clear_from_this_machine_alone(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="of this machine"):
        await PlatformCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}).read()


async def test_an_environment_without_credentials_is_told_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID"):
        await PlatformCredentials({}).read()
