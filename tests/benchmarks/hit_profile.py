"""Where the Python calls and the time of a function go, by layer.

cProfile adds about as much to each call as a short one takes, so the times show shares. The numbers
of calls do not depend on the machine.
"""

import cProfile
import pstats
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

# The first whose text is in the path of a function's file, or in its name if it is built in.
_LAYERS = {
    "Mangum": ("/mangum/",),
    "FastAPI, Starlette, pydantic": ("/fastapi/", "/starlette/", "pydantic"),
    "redis-py": ("/redis/asyncio", "/redis/_parsers", "/redis/", "hiredis"),
    "functions/": ("/functions/",),
    "shared/cache/": ("/shared/cache/",),
    "shared/": ("/shared/",),
    "decompression, msgpack": ("zstandard", "msgpack", "xxhash"),
    "logging, JSON": ("/logging/", "/json/", "_json"),
    "Redis and the socket": ("select.epoll", "_socket.socket"),
    "event loop": ("/asyncio/", "selectors.py", "_asyncio", "_contextvars"),
}
_OTHER = "other"


class Share(NamedTuple):
    """What one invocation spends in one layer."""

    calls: float
    microseconds: float


def profile(invoke: Callable[[], object], repetitions: int) -> dict[str, Share]:
    """Profile a function; return the shares of each layer, per invocation."""
    profiler = cProfile.Profile()
    with profiler:
        for _ in range(repetitions):
            invoke()
    calls, seconds = Counter[str](), Counter[str]()
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]  # typeshed omits it
    for (file, _, name), (_, count, own, _, _) in stats.items():
        layer = _layer(name if file == "~" else file)
        calls[layer] += count
        seconds[layer] += own
    return {
        layer: Share(calls[layer] / repetitions, seconds[layer] / repetitions * 1e6)
        for layer in (*_LAYERS, _OTHER)
    }


def _layer(place: str) -> str:
    for layer, texts in _LAYERS.items():
        if any(text in place for text in texts):
            return layer
    return _OTHER


def print_table(ours: dict[str, Share], bare: dict[str, Share]) -> None:
    """Print the shares of both sides."""
    print(f"  {'layer':<29} {'calls':>6} {'bare':>6} {'µs':>7} {'bare':>7}")
    for (layer, a), b in zip(ours.items(), bare.values(), strict=True):
        calls, times = (
            f"{a.calls:6.0f} {b.calls:6.0f}",
            f"{a.microseconds:7.0f} {b.microseconds:7.0f}",
        )
        print(f"  {layer:<29} {calls} {times}")
