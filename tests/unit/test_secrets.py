"""Secrets: caching, refresh and refetch, and the forms of a secret's text."""

import asyncio
import gc

import pytest

from shared.aws.secrets import parse_database_url, parse_redis_userinfo, parse_token
from shared.errors import ConfigurationError, UnavailableError
from shared.notes.postgres.tls import select_ssl
from shared.secrets import Secret
from shared.settings import Settings


class SecretStore:
    """A store of one secret, with a settable clock and error."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.value = "one"
        self.fetches = 0
        self.error: Exception | None = None
        self.released = asyncio.Event()
        self.released.set()
        self.secret = Secret("HF_TOKEN_SECRET", self.fetch, lambda: self.now)

    async def fetch(self) -> str:
        self.fetches += 1
        await self.released.wait()
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.value

    async def background_fetch(self) -> None:
        """Wait until a fetch that was started in the background is done."""
        task = self.secret._cached._task
        assert task
        await asyncio.wait({task})


@pytest.fixture
def store() -> SecretStore:
    return SecretStore()


async def test_concurrent_first_requests_share_one_fetch(store: SecretStore) -> None:
    assert store.fetches == 0
    assert await asyncio.gather(*(store.secret.get() for _ in range(9))) == ["one"] * 9
    assert store.fetches == 1


async def test_a_value_older_than_five_minutes_is_refreshed(store: SecretStore) -> None:
    await store.secret.get()
    store.value = "two"
    store.now += 300
    assert await store.secret.get() == "one"
    assert store.fetches == 1
    store.now += 1
    assert await store.secret.get() == "one"
    await store.background_fetch()
    assert await store.secret.get() == "two"
    assert store.fetches == 2


async def test_no_request_that_has_a_value_waits_for_a_refresh(store: SecretStore) -> None:
    await store.secret.get()
    store.now += 301
    store.released.clear()
    async with asyncio.timeout(1):
        assert [await store.secret.get() for _ in range(9)] == ["one"] * 9
    await asyncio.sleep(0)
    assert store.fetches == 2
    store.value = "two"
    store.released.set()
    await store.background_fetch()
    assert await store.secret.get() == "two"


async def test_concurrent_refusals_share_one_fetch(store: SecretStore) -> None:
    await store.secret.get()
    store.value = "two"
    refetched = await asyncio.gather(*(store.secret.refetch("one") for _ in range(9)))
    assert refetched == ["two"] * 9
    assert await store.secret.refetch("one") == "two"
    assert store.fetches == 2


async def test_a_refused_value_that_stays_the_same_is_fetched_every_ten_seconds_at_most(
    store: SecretStore,
) -> None:
    await store.secret.get()
    for _ in range(9):
        assert await store.secret.refetch("one") == "one"
    assert store.fetches == 2
    store.now += 10
    store.value = "two"
    assert await store.secret.refetch("one") == "two"


async def test_the_cached_value_stays_in_use_when_a_refresh_fails(
    store: SecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.secret.get()
    store.error = UnavailableError("throttled")
    for _ in range(2):
        store.now += 301
        assert await store.secret.get() == "one"
        await store.background_fetch()
        assert await store.secret.get() == "one"
    assert store.fetches == 3
    assert [record.log_fields["error"] for record in caplog.records] == ["throttled"]  # type: ignore[attr-defined]
    assert "one" not in caplog.text


async def test_a_failed_first_fetch_raises_and_the_next_request_fetches_again(
    store: SecretStore,
) -> None:
    store.error = UnavailableError("throttled")
    with pytest.raises(UnavailableError):
        await store.secret.get()
    store.error = None
    assert await store.secret.get() == "one"


async def test_no_request_waits_longer_than_ten_seconds_for_a_fetch(
    store: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.background_fetch._WAIT_SECONDS", 0.01)
    store.released.clear()
    for _ in range(2):
        with pytest.raises(UnavailableError, match=r"HF_TOKEN_SECRET.*no response within"):
            await store.secret.get()
    assert store.fetches == 1
    store.released.set()
    await store.background_fetch()
    assert await store.secret.get() == "one"


async def test_a_programming_error_of_a_fetch_is_raised(store: SecretStore) -> None:
    store.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await store.secret.get()


async def test_a_fetch_continues_when_its_request_is_cancelled(store: SecretStore) -> None:
    task = asyncio.create_task(store.secret.get())
    await asyncio.sleep(0)
    task.cancel()
    assert await store.secret.get() == "one"
    assert store.fetches == 1


async def test_a_failed_fetch_of_a_cancelled_request_logs_its_reason_only(
    store: SecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.error = UnavailableError("throttled")
    task = asyncio.create_task(store.secret.get())
    await asyncio.sleep(0)
    task.cancel()
    await store.background_fetch()
    store.secret._cached._task = None
    gc.collect()  # asyncio logs exceptions that were never retrieved
    assert [record.name for record in caplog.records] == ["shared.secrets"]


async def test_repr_does_not_contain_the_value(store: SecretStore) -> None:
    store.value = "hush"
    await store.secret.get()
    assert repr(store.secret) == "Secret(HF_TOKEN_SECRET)"
    assert "hush" not in repr(store.secret._cached._task)
    assert "hush" not in repr(Secret.static("hush"))


async def test_a_static_secret_stays_the_same() -> None:
    secret = Secret.static("one")
    for _ in range(2):
        assert await secret.refetch(await secret.get()) == "one"


@pytest.mark.parametrize(
    "text",
    ["hf_a", " hf_a\n", '{"HF_TOKEN": "hf_a", "of": "mine"}', '{"LLM_TOKEN": "hf_a"}'],
)
def test_parse_token_accepts_plain_text_and_json(text: str) -> None:
    assert parse_token(text) == "hf_a"


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "{}",
        '{"LLM_TOKEN": ""}',
        '{"HF_TOKEN": ""}',
        "hf_a hush",
        "hf_hush\u00e9",
        "{hush",
        "a\nhush: b",
    ],
)
def test_parse_token_rejects_other_texts_without_quoting_them(text: str) -> None:
    with pytest.raises(ConfigurationError, match="HF_TOKEN_SECRET") as caught:
        parse_token(text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://u:p@h/d\n", "postgresql://u:p@h/d"),
        ('{"DATABASE_URL": "postgres://u:p@h/d"}', "postgres://u:p@h/d"),
        (
            '{"username": "a/b", "password": "p@:/?#%", "host": "h", "port": 1, "dbname": "d"}',
            "postgresql://a%2Fb:p%40%3A%2F%3F%23%25@h:1/d",
        ),
        (
            '{"username": "u", "password": "p", "host": "h", "dbname": "d", "engine": "postgres"}',
            "postgresql://u:p@h:5432/d",
        ),
        (
            '{"username": "u", "password": "p", "host": "h", "dbname": "d",'
            ' "sslrootcert": "/opt/authorities/rds.pem"}',
            "postgresql://u:p@h:5432/d?sslrootcert=%2Fopt%2Fauthorities%2Frds.pem",
        ),
    ],
)
def test_parse_database_url_accepts_plain_text_json_and_the_rds_form(text: str, url: str) -> None:
    assert parse_database_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///hush.db",
        "{hush",
        '{"username": "u", "password": "hush"}',
        '{"DATABASE_URL": "mysql://hush"}',
    ],
)
def test_parse_database_url_rejects_other_texts_without_quoting_them(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL_SECRET") as caught:
        parse_database_url(text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "userinfo"),
    [
        ("p w:@/é\n", ":p%20w%3A%40%2F%C3%A9"),
        ('{"password": "{p"}', ":%7Bp"),
        ('{"username": null, "password": "p"}', ":p"),
        ('{"username": "a:b", "password": "p", "engine": "redis"}', "a%3Ab:p"),
    ],
)
def test_parse_redis_userinfo_accepts_plain_text_and_json(text: str, userinfo: str) -> None:
    assert parse_redis_userinfo(text) == userinfo


@pytest.mark.parametrize(
    "text",
    [
        *(" ", "{}", "{hush", "a\nhush", '{"password": ""}', '{"password": 7}'),
        *('{"password": null}', '{"password": "hush\\ud800"}'),
        '{"username": ["hush"], "password": "p"}',
    ],
)
def test_parse_redis_userinfo_rejects_other_texts_without_quoting_them(text: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_CACHE_PASSWORD_SECRET") as caught:
        parse_redis_userinfo(text)
    assert "hush" not in str(caught.value)


def test_a_secret_managed_by_rds_is_completed_by_the_address() -> None:
    address = "postgresql://h.example:5433/notes?sslrootcert=/opt/authorities/rds.pem"
    url = parse_database_url('{"username": "u", "password": "p@/"}', address)
    assert url == (
        "postgresql://u:p%40%2F@h.example:5433/notes?sslrootcert=/opt/authorities/rds.pem"
    )
    assert select_ssl(url, {}) == "verify-full"
    with pytest.raises(ConfigurationError, match="if DATABASE_URL contains them"):
        parse_database_url('{"username": "u", "password": "p"}')


@pytest.mark.parametrize("url", ["postgresql://u:p@h/d", "sqlite:///notes.db"])
def test_an_address_beside_a_secret_must_not_contain_a_user(url: str) -> None:
    known = {"DATABASE_URL_SECRET": "name", "AWS_REGION": "eu-central-1"}
    assert Settings.from_env(known | {"DATABASE_URL": "postgres://h/d"}).explicit_database_url
    with pytest.raises(ConfigurationError, match="neither user nor password"):
        Settings.from_env(known | {"DATABASE_URL": url})
