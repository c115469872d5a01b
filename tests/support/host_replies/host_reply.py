"""One reply of a model host, and the outcome that a test expects."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response

_SHOWN = 110

ANSWER = "Faith is trust [1]."
"""The text of each usable completion below."""


@dataclass(frozen=True)
class HostReply:
    """A reply to a chat request, or to a request to embed two texts (`TEXTS`).

    Attributes:
        name: a short name of the test.
        description: what the host does, for the page.
        endpoint: which model the host serves.
        body: JSON, or a text that is sent as it is.
        headers: without `Content-Type` the body is sent as JSON.
        outcome: what Tercet does. The first words decide what is checked:

            answered: the answer is `ANSWER`, and it is cached
            answered, not cached: the answer is `ANSWER`, marked as incomplete, and not cached
            embedded: the embeddings are `VECTORS`
            retried: a second request is sent; with `after 2 s`, after this wait
            error: the request fails, and the message contains what follows; nothing is cached
    """

    name: str
    description: str
    endpoint: Literal["chat", "embeddings"]
    body: Any
    outcome: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def text(self) -> str:
        """The body as it is sent."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body)

    @property
    def shown(self) -> str:
        """The status, headers and body, shortened for the page."""
        headers = "".join(f"{name}: {value} " for name, value in self.headers.items())
        body = " ".join(self.text.split())
        whole = f"{self.status} {headers}{body}".strip()
        return whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 1]}…"

    def to_response(self) -> Response:
        """Return the reply as an ASGI app."""
        return Response(
            self.text.encode("utf-8", "surrogatepass"),
            self.status,
            {"Content-Type": "application/json"} | self.headers,
        )
