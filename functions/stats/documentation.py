"""What the OpenAPI document says of `stats`: see `functions/http/documentation.py`."""

from collections import Counter

from functions.http.documentation import Operation
from functions.stats.app import SCOPE
from functions.stats.serializers import cache_stats
from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from shared.settings import Settings

_EMPTY = StatsSnapshot(PeriodStats(Counter()), {}, EntryCounts(0, 0, 0), 0, None)

OPERATIONS = {
    "GET /v1/assistant/cache-stats": Operation(
        "getStatistics",
        "operations",
        problems=(422,),
        scope=SCOPE,
        response_examples={"before the first question": cache_stats(_EMPTY, Settings())},
    ),
    "GET /v1/metrics": Operation("getMetrics", "operations", scope=SCOPE),
    "GET /v1/assistant/dashboard": Operation("getDashboard", "operations", is_public=True),
}
