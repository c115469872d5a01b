"""What could not be counted waits for the next request, and what was paid is never forgotten."""

from dataclasses import replace

from shared.cache import counting
from shared.cache.connection import Connection
from shared.cache.counting import Counts
from shared.cache.visit import Visit
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, keys, sources


def visit(cache: Cache, backlog: Counts, connection: Connection | None) -> Visit:
    return Visit(
        connection,
        cache.settings,
        user_id="ann",
        question="what is faith",
        pipeline=PIPELINE,
        backlog=backlog,
    )


async def test_a_question_that_leaves_no_trace_takes_nothing_of_the_others(cache: Cache) -> None:
    backlog = Counts()
    backlog.add(uncached=3, spent_nanodollars=7)
    traceless = visit(cache, backlog, None)
    await traceless.look_up()
    traceless.end("none")
    assert dict(zip(*[iter(backlog.take())] * 2, strict=True)) == {
        "uncached": 3,
        "spent_nanodollars": 7,
    }


async def test_what_was_paid_while_redis_was_away_is_counted_when_it_is_back(cache: Cache) -> None:
    nobody = replace(cache.settings, redis_url="redis://127.0.0.1:1", redis_cluster=False)
    away, backlog = Connection.open(nobody), Counts()
    during = visit(cache, backlog, away)
    await during.look_up()
    answer = an_answer()
    assert not await during.keep(a_vector("what is faith"), sources(), answer)
    during.end("none")
    await away.aclose()
    counted = dict(zip(*[iter(backlog.take())] * 2, strict=True))
    assert counted["spent_nanodollars"] == round(answer.cost * 1e9)
    assert counted["uncached"] == 1
    assert not counted.get("generated_none")


async def test_an_outage_that_a_change_met_is_counted_once(cache: Cache) -> None:
    cache.connection.outages.failed(ConnectionError("gone"))
    cache.connection.outages.ended()
    for _ in range(2):
        await cache.invalidation().raise_fence("ann")
        await cache.invalidation().drop("ann", [])
    counters = counting.today(keys().partition)
    assert await cache.redis("HGET", counters, "outages") == b"1"
