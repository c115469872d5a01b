"""The URLs of Redis and PostgreSQL: accepted parameters, what becomes of them, refused ones."""

from inspect import signature

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import parse_url

from shared.cache.redis.url import parse_redis_url
from shared.errors import ConfigurationError
from shared.notes.database_url import check_database_url, normalize_postgres_url
from shared.notes.postgres.tls import select_ssl
from shared.settings import Settings

HOST = "postgresql://u:p@db.example:5432/d"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("?sslmode=require", "?sslmode=require"),
        ("?sslmode=require&channel_binding=require", ""),
        ("?channel_binding=require", ""),
        ("?sslmode=verify-full&channel_binding=require", "?sslmode=verify-full"),
        ("?sslmode=require&channel_binding=prefer", "?sslmode=require"),
        ("?sslmode=verify-full&sslrootcert=system", ""),
        ("?ssl=true", ""),
        ("?ssl=require", "?sslmode=require"),
        ("?ssl=false", "?sslmode=disable"),
        ("?pgbouncer=true&connection_limit=1&pool_timeout=0&connect_timeout=10", ""),
        ("?prepareThreshold=0&socketTimeout=9&tcpKeepAlive=true", ""),
        ("?schema=notes", "?search_path=%22notes%22%2C%20public"),
        ("?currentSchema=notes", "?search_path=%22notes%22%2C%20public"),
        ("?ApplicationName=notes", "?application_name=notes"),
        ("?options=endpoint%3Dep-1", "?options=endpoint%3Dep-1"),
        ("?options=-csearch_path%3Dnotes", "?options=-csearch_path%3Dnotes"),
        ("?target_session_attrs=primary", "?target_session_attrs=primary"),
    ],
)
def test_parameters_of_postgresql_hosts_are_mapped_or_ignored(query: str, expected: str) -> None:
    assert normalize_postgres_url(HOST + query) == HOST + expected


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@h1:5432,h2:5433/d?target_session_attrs=primary",
        "postgresql://u:p%40%2F%23%3F@h/d",
        "postgresql:///d?host=/var/run/postgresql",
        "postgresql://postgres:@/d?host=/tmp/folder",
        "postgres://postgres.project:p@pooler.example:6543/postgres?pgbouncer=true",
        "postgresql://u@[::1]:5432/d",
    ],
)
def test_normalized_url_means_the_same_to_asyncpg(url: str) -> None:
    normalized = normalize_postgres_url(url)
    assert normalize_postgres_url(normalized) == normalized
    assert "pgbouncer" not in normalized

    def parsed(dsn: str) -> object:
        names = set(signature(_parse_connect_dsn_and_args).parameters) - {"dsn"}
        absent = dict.fromkeys(names)
        addresses, parameters = _parse_connect_dsn_and_args(dsn=dsn, **absent)
        return addresses, parameters.user, parameters.password, parameters.database

    assert parsed(normalized) == parsed(url.replace("?pgbouncer=true", ""))


def test_required_channel_binding_verifies_the_certificate() -> None:
    url = normalize_postgres_url(f"{HOST}?sslmode=require&channel_binding=require")
    context = select_ssl(url, {})
    assert getattr(context, "check_hostname", False)
    with pytest.raises(ConfigurationError, match="contradicts sslmode=disable"):
        normalize_postgres_url(f"{HOST}?sslmode=disable&channel_binding=require")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:hu/sh@h/d", "percent-encode"),
        ("postgresql://u:12/hush@h/d", "percent-encode"),
        ("postgresql://u:12#hush@h/d", "percent-encode"),
        ("postgresql://u:12?hush@h/d", "percent-encode"),
        ("postgresql://u:12?hush=1@h/d", "percent-encode"),
        ("postgresql://u:hu@sh@h/d", "percent-encode"),
        ("postgresql://u:hush@h:port/d", "percent-encode"),
        ("postgresql://u:hush@h/d e", "white space"),
        ("postgresql://u:hush@h/d?hu%20sh=1", "a parameter that is no word"),
        ("postgresql://u:hush@h/d?hostaddr=1.2.3.4", "a parameter hostaddr"),
        ("postgresql://u:hush@h/d?target_session_attrs=first", "must be one of any, read-write"),
        ("postgresql://u:hush@h/d?channel_binding=always", "must be one of disable, prefer, requ"),
        ("postgresql://u:hush@h/d?sslrootcert=/nowhere", "file that does not exist"),
        ("sqlite:///notes.db?mode=ro", "must have the form"),
        ("sqlite://notes.db", "must have the form"),
        ("host=h password=hush", "must have the form"),
    ],
)
def test_invalid_database_url_is_refused_and_not_quoted(url: str, message: str) -> None:
    for check in (check_database_url, lambda given: Settings(database_url=given)):
        with pytest.raises(ConfigurationError, match=message) as caught:
            check(url)
        assert "hush" not in str(caught.value)
        assert caught.value.__cause__ is None


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_no_password_breaks_the_message(password: str) -> None:
    """Any text in the place of a password is accepted or refused without a part of it."""
    secret = f"hush{password}hush"
    for url in (f"postgresql://u:{secret}@h/d", f"redis://:{secret}@h:6379/0"):
        try:
            check_database_url(url) if url.startswith("post") else parse_redis_url(url)
        except ConfigurationError as error:
            assert "hush" not in str(error)  # noqa: PT017 - most texts are accepted


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "rediss://user:p%40@cache:6380/0?ssl_cert_reqs=none&ssl_check_hostname=false",
        "redis://cache/2?client_name=tercet&protocol=3&health_check_interval=30",
        "redis://cache?db=2&socket_keepalive=True",
        "unix:///var/run/redis.sock?db=2",
        "redis://[::1]:6379/0",
    ],
)
def test_accepted_redis_url_names_the_database_of_redis_py(url: str) -> None:
    assert parse_redis_url(url).database == parse_url(url).get("db", 0)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://:12/hush@cache:6379", "percent-encode"),
        ("redis://:hu@sh@cache:6379", "percent-encode"),
        ("redis://:12#hush@cache", "percent-encode"),
        ("redis://:hush@cache:99999", "percent-encode"),
        ("redis://:hush@", "names no host"),
        ("redis:///0", "names no host"),
        ("unix://", "names no socket"),
        ("redis://:hush@cache/0/1", "number of a database"),
        ("redis://:hush@cache/1?db=2", "two databases, 1 and db=2"),
        ("redis://:hush@cache?db=one", "an invalid db; it must be a whole number"),
        ("redis://:hush@cache?protocol=4", "an invalid protocol; it must be 2 or 3"),
        ("redis://:hush@cache?socket_keepalive=maybe", "an invalid socket_keepalive"),
        ("rediss://:hush@cache?ssl_cert_reqs=no", "must be none or optional or required"),
        ("redis://:hush@cache?max_connections=5", "set REDIS_CACHE_CONNECTIONS instead"),
        ("redis://:hush@cache?ssl=true", "begin the URL with rediss://"),
        ("redis://:hush@cache?cluster=true", "set REDIS_CACHE_CLUSTER instead"),
        ("redis://:hush@cache?encoding=utf-8", "Tercet stores bytes"),
        ("unix:///socket?socket_keepalive=1", "a parameter socket_keepalive"),
        ("redis://:hush@ca che", "white space"),
        ("redis+sentinel://cache", "not with redis\\+sentinel://"),
    ],
)
def test_invalid_redis_url_is_refused_and_not_quoted(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Settings(redis_url=url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"REDIS_CACHE_HOST": "cache"}, "redis://cache:6379/1"),
        ({"REDIS_CACHE_PORT": "6380"}, "redis://localhost:6380/1"),
        ({"REDIS_CACHE_HOST": "10.0.0.1", "REDIS_CACHE_PORT": "6380"}, "redis://10.0.0.1:6380/1"),
        ({"REDIS_CACHE_HOST": "::1"}, "redis://[::1]:6379/1"),
        ({"REDIS_CACHE_HOST": "[::1]"}, "redis://[::1]:6379/1"),
        ({"REDIS_CACHE_HOST": " ", "REDIS_CACHE_PORT": ""}, "redis://localhost:6379/1"),
        (
            {
                "REDIS_CACHE_URL": "rediss://:p@Cache:6379/0",
                "REDIS_CACHE_HOST": "cache",
                "REDIS_CACHE_PORT": "6379",
            },
            "rediss://:p@Cache:6379/0",
        ),
        ({"REDIS_CACHE_URL": "redis://cache", "REDIS_CACHE_PORT": "6379"}, "redis://cache"),
    ],
)
def test_redis_host_and_port_make_the_url_where_it_is_absent(
    environ: dict[str, str], url: str
) -> None:
    assert Settings.from_env(environ).redis_url == url


@pytest.mark.parametrize(
    "environ",
    [
        {"REDIS_CACHE_HOST": "other"},
        {"REDIS_CACHE_PORT": "6380"},
        {"REDIS_CACHE_HOST": "cache", "REDIS_CACHE_PORT": "1"},
    ],
)
def test_redis_host_or_port_that_contradicts_the_url_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="contradict REDIS_CACHE_URL"):
        Settings.from_env(environ | {"REDIS_CACHE_URL": "redis://:hush@cache:6379/0"})


@pytest.mark.parametrize("host", ["redis://cache", "cache:6379", "u@cache", "ca che", "cache/1"])
def test_redis_host_must_be_a_host_only(host: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a host name or an IP address only"):
        Settings.from_env({"REDIS_CACHE_HOST": host})


@pytest.mark.parametrize(
    ("database", "accepted"), [("", True), ("/0", True), ("/1", True), ("/2", False)]
)
def test_cluster_has_only_database_0(database: str, *, accepted: bool) -> None:
    url = f"redis://cache:6379{database}"
    if accepted:
        assert Settings(redis_url=url, redis_cluster=True).redis_cluster
        return
    with pytest.raises(ConfigurationError, match="names database 2, but a cluster only"):
        Settings(redis_url=url, redis_cluster=True)
