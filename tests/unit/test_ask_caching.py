"""Cache directives and `Cache-Status`, as the RFCs have them."""

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
def test_directives_are_read_by_name_and_never_out_of_a_quoted_value(
    headers: list[str], expected: dict[str, str]
) -> None:
    assert parse_cache_control(headers) == expected


@pytest.mark.parametrize(
    ("header", "new"),
    [
        *[("no-cache", True), ("max-age=0", True), ('max-age="0"', True)],
        *[("max-age=10", False), ("no-store", False), ("max-age", False), ("max-age=0x", False)],
    ],
)
def test_no_cache_and_age_zero_ask_for_a_new_answer(header: str, *, new: bool) -> None:
    assert is_no_cache(parse_cache_control([header])) is new


@pytest.mark.parametrize(
    ("asked", "tier", "cache", "stored", "said"),
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
def test_cache_status_says_how_the_cache_took_part(
    asked: dict[str, bool],
    tier: str | None,
    cache: str,
    said: str,
    *,
    stored: bool,
) -> None:
    reply = Reply(Question("Q", "q"), None, (), tier, None, cache, stored)
    assert cache_status_header(Request("ann", "Q", **asked), reply) == said
