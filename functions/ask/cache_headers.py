"""HTTP caching headers: `Cache-Control` of requests (RFC 9111), `Cache-Status` (RFC 9211)."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.answer_stream import AnswerStart
    from shared.question import Request
    from shared.reply import Reply

PRIVATE = "private, no-store"
"""`Cache-Control` of an answer: it quotes private notes, so shared caches must not store it."""

_DIRECTIVE = re.compile(r"""([\w!#$%&'*+.^`|~-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s,]*))?""")
_ZERO = re.compile("0+")


def parse_cache_control(headers: "Sequence[str]") -> dict[str, str]:
    """Return the directives of `Cache-Control` headers; names in lower case."""
    directives = _DIRECTIVE.findall(",".join(headers))
    return {name.lower(): value.strip('"') for name, value in directives}


def is_no_cache(directives: "dict[str, str]") -> bool:
    """Whether the directives forbid a stored answer: `no-cache` or `max-age=0`."""
    return "no-cache" in directives or _ZERO.fullmatch(directives.get("max-age", "")) is not None


def started_cache_status(request: "Request", start: "AnswerStart") -> str:
    """Return the value of `Cache-Status` when the text begins: nothing is stored yet."""
    if start.tier == "l1":
        return f"Tercet; hit{_ttl(start.ttl)}"
    return f"Tercet; fwd={_forwarded(request, start.cache)}"


def cache_status_header(request: "Request", reply: "Reply") -> str:
    """Return the value of `Cache-Status`."""
    if reply.tier == "l1":
        return f"Tercet; hit{_ttl(reply.ttl)}{'; detail=stale' if reply.stale else ''}"
    stored = f"; stored{_ttl(reply.ttl)}" if reply.stored else ""
    return f"Tercet; fwd={_forwarded(request, reply.cache)}{stored}"


def _ttl(seconds: int | None) -> str:
    return "" if seconds is None else f"; ttl={seconds}"


def _forwarded(request: "Request", cache: str) -> str:
    if request.no_store or request.no_cache:
        return "request"
    return "miss" if cache == "ok" else "bypass"
