"""The TTL of an answer, as the scripts compute it, for any settings, hits and times."""

import time
from itertools import accumulate
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.cache import index_entries, keyspace
from shared.cache.index_entries import ANSWER, PENDING, Entry
from shared.cache.scripts import QuestionScripts
from shared.cache.single_flight import SingleFlightLock
from shared.settings import Settings
from tests.support.interleaving.adapters import Wire

START = 1_800_000_000
YEAR = 31_536_000
KEYS = keyspace.UserKeys.of("ann")
FIELD = keyspace.question_field("what is faith", "pipeline")
LIFETIMES: dict[str, st.SearchStrategy[Any]] = {
    "ttl": st.integers(1, YEAR),
    "longest": st.integers(0, YEAR),
    "day_ends": st.none() | st.integers(1, 2 * 86_400),
    "hits": st.integers(0, 999_999),
}


def limit(ttl: int, longest: int, day_ends: int | None) -> tuple[Settings, int]:
    """Return the settings, and the longest TTL of an answer that is valid until `day_ends`."""
    bounds = [max(ttl, longest), *([] if day_ends is None else [day_ends])]
    return Settings(answer_ttl=ttl, answer_ttl_max=longest), min(bounds)


def hit(wire: Wire, given_settings: Settings, now: int) -> Entry | None:
    """Look the answer up at a time. Return its entry, or None if it has expired."""
    scripts = QuestionScripts(KEYS, FIELD, SingleFlightLock(KEYS, FIELD), given_settings)
    with patch.object(time, "time", lambda: now):
        command = scripts.lookup("ask", aliases=True, counts=())
    _, entry, *_ = wire.call(*command.with_text().arguments)
    return index_entries.decode(entry) if entry else None


def store(wire: Wire, entry: Entry) -> None:
    wire.call("FLUSHALL")
    wire.call("HSET", KEYS.questions, FIELD, index_entries.encode(entry))
    wire.call("HSET", KEYS.answers, FIELD, "answer")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    **LIFETIMES,
    pauses=st.lists(st.integers(0, 200_000) | st.integers(0, 9), max_size=12),
)
def test_ttl_doubles_with_each_hit_within_its_bounds(
    wire: Wire, *, ttl: int, longest: int, day_ends: int | None, hits: int, pauses: list[int]
) -> None:
    given_settings, longest = limit(ttl, longest, day_ends)
    expires = START + min(longest, ttl << min(hits, 30))
    entry = Entry(
        ANSWER, "a" * 11, expires, START + longest, 0, "Q", "pipeline", hits=hits, last_used=START
    )
    store(wire, entry)
    for now in accumulate(pauses, initial=START):
        found = hit(wire, given_settings, now)
        assert (found is None) == (now >= expires), "it is served until it expires, and not later"
        if found is None:
            return
        hits = min(hits + 1, 999_999)
        expires = START + min(longest, ttl << min(hits, 30))
        assert (found.hits, found.last_used, found.expires) == (hits, now, expires)
        assert found.latest_expiry == entry.latest_expiry


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    **LIFETIMES,
    former_expires=st.integers(-10, 10),
    kind=st.sampled_from(("a", "c", "=", PENDING)),
)
def test_new_answer_has_the_ttl_of_the_carried_hits_within_its_bounds(
    wire: Wire,
    *,
    ttl: int,
    longest: int,
    day_ends: int | None,
    hits: int,
    former_expires: int,
    kind: str,
) -> None:
    given_settings, longest = limit(ttl, longest, day_ends)
    former = Entry(
        *(kind, "f" * 11, START + former_expires, START + YEAR, 0, "Q", "pipeline"),
        target="t" * 22 if kind == "=" else "",
        hits=hits,
    )
    new = Entry(
        *(ANSWER, "a" * 11, START + min(ttl, longest), START + longest, 0, "Q", "pipeline"),
        last_used=START,
    )
    store(wire, former)
    wire.call("HSET", KEYS.questions, keyspace.FENCE, "")
    scripts = QuestionScripts(KEYS, FIELD, SingleFlightLock(KEYS, FIELD), given_settings)
    command = scripts.store(new, b"answer", counts=())
    stored_until = wire.call(*command.with_text().arguments)
    is_carried = kind == PENDING and former_expires > 0
    carried = hits if is_carried else 0
    entry = index_entries.decode(wire.call("HGET", KEYS.questions, FIELD))
    assert entry is not None
    assert entry.expires == stored_until == START + min(longest, ttl << min(carried, 30))
    assert (entry.hits, entry.latest_expiry) == (carried, new.latest_expiry)
