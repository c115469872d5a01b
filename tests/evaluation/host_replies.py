"""Generated replies of a chat host: what is stored and shown of each.

Each reply goes through the whole ask path, over a real socket and a real Valkey. The environment
variable HOST_REPLIES_SEED repeats a run, and HOST_REPLIES sets the number of replies.
"""

import logging
import os
import random

from tests.benchmarks.report import Metric
from tests.support.host_replies.replay import replay

_REPLIES = 10_000
_SHOWN = 5


async def collect_metrics() -> dict[str, Metric]:
    """Send all replies, and print the first that were treated wrongly."""
    seed = int(os.environ.get("HOST_REPLIES_SEED") or random.randrange(10**6))
    count = int(os.environ.get("HOST_REPLIES") or _REPLIES)
    print(f"HOST_REPLIES_SEED={seed}", flush=True)
    logging.disable()  # half of the replies are errors
    verdicts = await replay(seed, count)
    logging.disable(logging.NOTSET)
    for kind, number in sorted(verdicts.outcomes.items()):
        print(f"  {kind:<10} {number:6,}")
    wrong = {
        "host_replies_stored_wrongly": verdicts.stored_wrongly,
        "host_replies_shown_wrongly": verdicts.shown_wrongly,
        "host_replies_lost": verdicts.lost,
    }
    for name, descriptions in wrong.items():
        for description in descriptions[:_SHOWN]:
            print(f"{name}: {description}")
    return {
        "host_replies": Metric(unit="replies", value=count, budget=_REPLIES, floor=True),
        **{
            name: Metric(unit="replies", value=len(descriptions), budget=0)
            for name, descriptions in wrong.items()
        },
    }
