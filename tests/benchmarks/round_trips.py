"""Round trips of a hit and of a miss, counted at the socket."""

from collections.abc import Awaitable, Callable, Mapping

from infra.local.valkey import start_valkey
from shared.question import Request
from tests.benchmarks.misses import instant
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.workload import settings_for, workload
from tests.support.servers import CountingProxy

METRICS = {
    "hit_round_trips": Metric(unit="round trips", budget=1),
    "miss_round_trips": Metric(unit="round trips", budget=4),
}


async def collect_metrics() -> Mapping[str, Metric]:
    """Ask a new question, then the same again, over connections that are open already."""
    asked = workload(1)
    if not asked:
        return METRICS
    with start_valkey() as server, CountingProxy(server.port) as proxy:
        container = instant(settings_for(proxy.url), asked[0])
        naive = NaiveCache(proxy.url)

        async def ask(number: int) -> None:
            new = asked[0].variant(number)
            await container.assistant.ask(Request(new.user_id, new.question))

        async def naive_ask(number: int) -> None:
            await naive.ask(asked[0].variant(number))

        miss, hit = await _count(proxy, ask)
        naive_miss, naive_hit = await _count(proxy, naive_ask)
        await container.aclose()
        await naive.aclose()
    return {
        "hit_round_trips": METRICS["hit_round_trips"].with_value(hit, naive_hit),
        "miss_round_trips": METRICS["miss_round_trips"].with_value(miss, naive_miss),
    }


async def _count(proxy: CountingProxy, ask: Callable[[int], Awaitable[None]]) -> tuple[int, int]:
    """Count the round trips of a miss and of a hit."""
    await ask(0)  # opens the connection, and tells the server its scripts
    counted = []
    for _ in ("miss", "hit"):
        proxy.reset()
        await ask(1)
        counted.append(proxy.round_trips)
    return counted[0], counted[1]
