"""What HTTP says of caching: directives of a request (RFC 9111), `Cache-Status` (RFC 9211)."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.assistant import Request
    from shared.reply import Reply

_DIRECTIVE = re.compile(r"""([\w!#$%&'*+.^`|~-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s,]*))?""")


def parse_cache_control(headers: "Sequence[str]") -> dict[str, str]:
    """Read the directives of `Cache-Control` headers, by their names in lower case."""
    found = _DIRECTIVE.findall(",".join(headers))
    return {name.lower(): value.strip('"') for name, value in found}


def is_no_cache(asked: "dict[str, str]") -> bool:
    """Whether directives rule out a stored answer."""
    return "no-cache" in asked or re.fullmatch("0+", asked.get("max-age", "")) is not None


def cache_status_header(request: "Request", reply: "Reply") -> str:
    """Say how the cache took part."""
    if reply.tier == "l1":
        return "Tercet; hit; detail=stale" if reply.stale else "Tercet; hit"
    if request.no_store or request.no_cache:
        forwarded = "request"
    else:
        forwarded = "miss" if reply.cache == "ok" else "bypass"
    return f"Tercet; fwd={forwarded}" + ("; stored" if reply.stored else "")
