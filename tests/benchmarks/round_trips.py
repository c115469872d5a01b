"""Round trips of a hit and of a miss, counted by a proxy."""

from collections.abc import Awaitable, Callable, Mapping

from infra.local.valkey import start_valkey
from shared.question import Request
from tests.benchmarks.misses import instant_container
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.workload import settings_for, workload
from tests.support.servers import CountingProxy

METRICS = {
    "hit_round_trips": Metric(unit="round trips", budget=1),
    "miss_round_trips": Metric(unit="round trips", budget=4),
}


async def collect_metrics() -> Mapping[str, Metric]:
    """Ask a new question twice over open connections."""
    items = workload(1)
    if not items:
        return METRICS
    with start_valkey() as server, CountingProxy(server.port) as proxy:
        container = instant_container(settings_for(proxy.url), items[0])
        naive = NaiveCache(proxy.url)

        async def ask(number: int) -> None:
            new = items[0].variant(number)
            await container.assistant.ask(Request(new.user_id, new.question))

        async def naive_ask(number: int) -> None:
            await naive.ask(items[0].variant(number))

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
    await ask(0)  # opens the connection and loads the scripts
    counted = []
    for _ in ("miss", "hit"):
        proxy.reset()
        await ask(1)
        counted.append(proxy.round_trips)
    return counted[0], counted[1]
