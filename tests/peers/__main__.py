"""`make peers`: Tercet beside other caches, with the same vectors, data and machine.

`python -m tests.peers [PART ...]` writes build/peers.json, and prints a Markdown table of all that
the file contains. A part that does not run keeps its former values.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from tests.benchmarks.report import BUILD, Metric, stderr_to, write
from tests.evaluation.datasets import AVAILABLE
from tests.peers.costs import measure_hits, measure_memory
from tests.peers.matching import measure_matching
from tests.peers.note_changes import measure_note_changes
from tests.peers.redis_failures import measure_failures
from tests.peers.registry import installed_peers
from tests.peers.table import markdown_table, with_baselines

PARTS: dict[str, Callable[[], Awaitable[Mapping[str, Metric]]]] = {
    "matching": measure_matching,
    "note_changes": measure_note_changes,
    "hits": measure_hits,
    "memory": measure_memory,
    "failures": measure_failures,
}
OUTPUT = BUILD / "peers.json"


async def main(parts: list[str]) -> None:
    """Measure the parts, by default all, and print the table."""
    if not AVAILABLE:
        print("skipped: ../shared/data is not available")
        return
    with stderr_to(OUTPUT.with_suffix(".log")):
        for part in parts or PARTS:
            print(f"{part} ...", flush=True)
            write(OUTPUT, with_baselines(await PARTS[part]()))
    print(markdown_table(json.loads(OUTPUT.read_text("utf-8")), installed_peers()))
    print(f"\n{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tests.peers", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.parts) - set(PARTS)):
        parser.error(f"unknown part: {', '.join(unknown)}; available: {', '.join(PARTS)}")
    asyncio.run(main(arguments.parts))
