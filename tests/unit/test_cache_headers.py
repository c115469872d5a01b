"""`Cache-Control` and `Cache-Status` headers (RFC 9111, RFC 9211)."""

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


@pytest.mark.parametrize(
    ("flags", "tier", "cache", "stored", "expected"),
    [
        ({}, "l1", "ok", False, "Tercet; hit"),
        ({}, None, "ok", True, "Tercet; fwd=miss; stored"),
        ({}, "l3", "ok", False, "Tercet; fwd=miss"),
        ({}, None, "unavailable", False, "Tercet; fwd=bypass"),
        ({}, None, "off", False, "Tercet; fwd=bypass"),
        ({"no_cache": True}, None, "ok", True, "Tercet; fwd=request; stored"),
        ({"no_store": True}, None, "off", False, "Tercet; fwd=request"),
    ],
)
def test_cache_status_describes_the_use_of_the_cache(
    flags: dict[str, Any],
    tier: str | None,
    cache: str,
    expected: str,
    *,
    stored: bool,
) -> None:
    reply = Reply(Question("Q", "q", "q"), None, (), cache, tier=tier, stored=stored)
    assert cache_status_header(Request("ann", "Q", **flags), reply) == expected
