"""`Cache-Control` and `Cache-Status` headers (RFC 9111, RFC 9211)."""

import time
from typing import Any

import pytest

from functions.ask.cache_headers import cache_status_header, is_no_cache, parse_cache_control
from shared.question import Question, Request
from shared.reply import Reply


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        (["no-cache"], {"no-cache": ""}),
        (["No-Cache, NO-STORE"], {"no-cache": "", "no-store": ""}),
        (["max-age=0 ,  no-store"], {"max-age": "0", "no-store": ""}),
        (["no-store", "max-age=60"], {"no-store": "", "max-age": "60"}),
        (['note="no-store, no-cache"'], {"note": "no-store, no-cache"}),
        (['note="a \\" no-store", no-cache'], {"note": 'a \\" no-store', "no-cache": ""}),
        ([",,  ,no-store,"], {"no-store": ""}),
        (["x-no-store-x"], {"x-no-store-x": ""}),
    ],
)
def test_cache_control_directives_are_parsed_by_name_and_not_inside_quoted_values(
    headers: list[str], expected: dict[str, str]
) -> None:
    assert parse_cache_control(headers) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *[("no-cache", True), ("max-age=0", True), ('max-age="0"', True)],
        *[("max-age=10", False), ("no-store", False), ("max-age", False), ("max-age=0x", False)],
    ],
)
def test_no_cache_and_max_age_zero_forbid_a_stored_answer(header: str, *, expected: bool) -> None:
    assert is_no_cache(parse_cache_control([header])) is expected


@pytest.fixture
def thousand_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock to 1,000.9 seconds since 1970."""
    monkeypatch.setattr(time, "time", lambda: 1_000.9)


@pytest.mark.usefixtures("thousand_seconds")
@pytest.mark.parametrize(
    ("flags", "tier", "cache", "ttl", "expected"),
    [
        ({}, "l1", "ok", 600, "Tercet; hit; ttl=600"),
        ({}, None, "ok", 86_400, "Tercet; fwd=miss; stored; ttl=86400"),
        ({}, "l3", "ok", None, "Tercet; fwd=miss"),
        ({}, None, "unavailable", None, "Tercet; fwd=bypass"),
        ({}, None, "off", None, "Tercet; fwd=bypass"),
        ({"no_cache": True}, None, "ok", 60, "Tercet; fwd=request; stored; ttl=60"),
        ({"no_store": True}, None, "off", None, "Tercet; fwd=request"),
    ],
)
def test_cache_status_describes_the_use_of_the_cache(
    flags: dict[str, Any],
    tier: str | None,
    cache: str,
    ttl: int | None,
    expected: str,
) -> None:
    expires = None if ttl is None else 1_000 + ttl
    reply = Reply(Question("Q", "q", "q"), None, (), cache, tier=tier, expires=expires)
    assert cache_status_header(Request("ann", "Q", **flags), reply) == expected


@pytest.mark.usefixtures("thousand_seconds")
def test_cache_status_of_a_stale_answer_has_a_negative_ttl() -> None:
    reply = Reply(
        Question("Q", "q", "q"), None, (), "ok", tier="l1", match="exact", stale=True, expires=940
    )
    assert cache_status_header(Request("ann", "Q"), reply) == "Tercet; hit; ttl=-60; detail=stale"
