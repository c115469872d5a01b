"""A secret is read late and seldom, and again once it is old or refused."""

import asyncio

import pytest

from shared.aws.secret_texts import database_url_in, redis_userinfo_in, token_in
from shared.errors import ConfigurationError, UnavailableError
from shared.notes.postgres.tls import select_ssl
from shared.secrets import GivenSecret, KeptSecret
from shared.settings import Settings


class Keeper:
    """Who keeps a secret, with a clock beside it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.text = "one"
        self.readings = 0
        self.error: Exception | None = None
        self.secret = KeptSecret("HF_TOKEN_SECRET", self.read, lambda: self.now)

    async def read(self) -> str:
        self.readings += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.text


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


async def test_it_is_read_once_by_all_who_need_it_first(keeper: Keeper) -> None:
    assert keeper.readings == 0
    assert await asyncio.gather(*(keeper.secret.value() for _ in range(9))) == ["one"] * 9
    assert keeper.readings == 1


async def test_it_is_read_again_after_five_minutes(keeper: Keeper) -> None:
    await keeper.secret.value()
    keeper.text = "two"
    keeper.now += 300
    assert await keeper.secret.value() == "one"
    keeper.now += 1
    assert await keeper.secret.value() == "two"
    assert keeper.readings == 2


async def test_a_refused_one_is_read_again_once_by_all_whom_it_was_refused(keeper: Keeper) -> None:
    await keeper.secret.value()
    keeper.text = "two"
    renewed = await asyncio.gather(*(keeper.secret.renewed("one") for _ in range(9)))
    assert renewed == ["two"] * 9
    assert await keeper.secret.renewed("one") == "two"
    assert keeper.readings == 2


async def test_one_that_is_just_wrong_is_not_read_at_every_refusal(keeper: Keeper) -> None:
    await keeper.secret.value()
    for _ in range(9):
        assert await keeper.secret.renewed("one") == "one"
    assert keeper.readings == 2
    keeper.now += 10
    keeper.text = "two"
    assert await keeper.secret.renewed("one") == "two"


async def test_what_was_read_before_serves_where_it_cannot_be_read_again(
    keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    await keeper.secret.value()
    keeper.error = UnavailableError("throttled")
    keeper.now += 301
    assert await keeper.secret.value() == "one"
    assert [record.log_fields["error"] for record in caplog.records] == ["throttled"]  # type: ignore[attr-defined]
    assert "one" not in caplog.text


async def test_the_first_reading_must_succeed(keeper: Keeper) -> None:
    keeper.error = UnavailableError("throttled")
    with pytest.raises(UnavailableError):
        await keeper.secret.value()
    keeper.error = None
    assert await keeper.secret.value() == "one"


async def test_a_request_that_gives_up_leaves_the_reading_to_the_next(keeper: Keeper) -> None:
    task = asyncio.create_task(keeper.secret.value())
    await asyncio.sleep(0)
    task.cancel()
    assert await keeper.secret.value() == "one"


async def test_it_is_not_in_repr(keeper: Keeper) -> None:
    keeper.text = "hush"
    await keeper.secret.value()
    assert repr(keeper.secret) == "KeptSecret(HF_TOKEN_SECRET)"
    assert "hush" not in repr(GivenSecret("hush"))


async def test_a_given_one_never_changes() -> None:
    secret = GivenSecret("one")
    assert await secret.renewed(await secret.value()) == "one"


@pytest.mark.parametrize("text", ["hf_a", " hf_a\n", '{"HF_TOKEN": "hf_a", "of": "mine"}'])
def test_a_token_is_text_or_in_json(text: str) -> None:
    assert token_in(text) == "hf_a"


@pytest.mark.parametrize(
    "text", [" ", "{}", '{"HF_TOKEN": ""}', "hf_a hush", "hf_hush\u00e9", "{hush", "a\nhush: b"]
)
def test_a_text_without_a_usable_token_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="HF_TOKEN_SECRET") as caught:
        token_in(text)
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
def test_a_database_url_is_text_or_in_json_or_in_rds_form(text: str, url: str) -> None:
    assert database_url_in(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///hush.db",
        "{hush",
        '{"username": "u", "password": "hush"}',
        '{"DATABASE_URL": "mysql://hush"}',
    ],
)
def test_any_other_address_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL_SECRET") as caught:
        database_url_in(text)
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
def test_redis_password_is_text_or_in_json_with_its_user(text: str, userinfo: str) -> None:
    assert redis_userinfo_in(text) == userinfo


@pytest.mark.parametrize(
    "text",
    [
        *(" ", "{}", "{hush", "a\nhush", '{"password": ""}', '{"password": 7}'),
        *('{"password": null}', '{"password": "hush\\ud800"}'),
        '{"username": ["hush"], "password": "p"}',
    ],
)
def test_a_text_without_a_usable_redis_password_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_CACHE_PASSWORD_SECRET") as caught:
        redis_userinfo_in(text)
    assert "hush" not in str(caught.value)


def test_a_secret_that_rds_keeps_itself_is_completed_by_an_address() -> None:
    address = "postgresql://h.example:5433/notes?sslrootcert=/opt/authorities/rds.pem"
    url = database_url_in('{"username": "u", "password": "p@/"}', address)
    assert url == (
        "postgresql://u:p%40%2F@h.example:5433/notes?sslrootcert=/opt/authorities/rds.pem"
    )
    assert select_ssl(url, {}) == "verify-full"
    with pytest.raises(ConfigurationError, match="DATABASE_URL tells them"):
        database_url_in('{"username": "u", "password": "p"}')


@pytest.mark.parametrize("url", ["postgresql://u:p@h/d", "sqlite:///notes.db"])
def test_an_address_beside_a_secret_holds_no_user(url: str) -> None:
    known = {"DATABASE_URL_SECRET": "name", "AWS_REGION": "eu-central-1"}
    assert Settings.from_env(known | {"DATABASE_URL": "postgres://h/d"}).explicit_database_url
    with pytest.raises(ConfigurationError, match="neither user nor password"):
        Settings.from_env(known | {"DATABASE_URL": url})
