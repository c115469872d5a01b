"""One HTTP connection pool to the models' hosts, with deadlines and retries."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx

from shared.deadline import deadline_scope, remaining, timeout_at_deadline
from shared.errors import (
    ConfigurationError,
    InferenceError,
    InferenceTimeoutError,
    InferenceUnavailableError,
)
from shared.inference.genai_span_attributes import answered, described
from shared.inference.host_errors import decoded, excerpt, failure, form, said_in
from shared.inference.retries import Retries
from shared.inference.token_auth import TokenAuth, token_of
from shared.observability.timings import client_span
from shared.secrets import StaticSecret

if TYPE_CHECKING:
    from shared.inference.endpoint import Endpoint
    from shared.secrets import Secret
    from shared.settings import Settings

_WORTH_A_RETRY = frozenset({408, 429, 500, 502, 503, 504})
_OUT_OF_REACH = (
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.ConnectTimeout,
)
_CONNECT_SECONDS = 3.0
_KEEP_ALIVE_SECONDS = 60.0


class InferenceClient:
    """Sends JSON to models' hosts over one keep-alive pool.

    The HTTP client is made at the first call, on the loop that runs then, and again after
    `aclose`. TLS certificates are verified; redirects are not followed, for they would carry
    notes to a host that nobody named.

    Args:
        settings: the token, whom to bill, and the time-out.
        token: the token where it may change; once refused, it is asked for again.
        retries: when to try again.
        http: another way to send requests, such as straight into an ASGI app.

    Raises:
        ConfigurationError: the token or the name to bill cannot be sent in a header.
    """

    def __init__(
        self,
        settings: "Settings",
        *,
        token: "Secret | None" = None,
        retries: Retries | None = None,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._headers = {"User-Agent": "tercet"}
        if settings.hf_bill_to:
            self._headers["X-HF-Bill-To"] = _sendable("HF_BILL_TO", settings.hf_bill_to)
        given = StaticSecret(_sendable("HF_TOKEN", settings.hf_token))
        self._auth = TokenAuth(token or given)
        self._timeout = settings.inference_timeout
        self._retries = retries or Retries()
        self._http = http
        self._client: httpx.AsyncClient | None = None

    async def post(
        self,
        endpoint: "Endpoint",
        body: dict[str, Any],
        *,
        private: Sequence[str],
    ) -> Any:
        """Send `body` and return the decoded JSON of the reply.

        The call, retries included, takes `inference_timeout` seconds at most, and ends at the
        deadline.

        Args:
            endpoint: whom to ask.
            body: what to ask; a lone surrogate in it becomes a question mark.
            private: texts that no error's message may quote.

        Raises:
            InferenceRefusedError: trying again will not help.
            InferenceUnavailableError: the host is loading, busy or out of reach.
            InferenceTimeoutError: there was no whole reply by the deadline.
            InferenceError: the host failed otherwise, or its reply is not JSON.
        """
        seconds = min(self._timeout, remaining())
        late = InferenceTimeoutError(
            f"{endpoint} gave no whole reply within {max(seconds, 0):.1f} s."
        )
        if seconds <= 0:
            raise late
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        with client_span(described, (endpoint, body)) as span:
            try:
                with deadline_scope(seconds):
                    async with timeout_at_deadline():
                        response = await self._send(endpoint, content, private)
            except TimeoutError:
                raise late from None
            reply = _json(endpoint, response, [*private, token_of(response)])
            span.set_attributes(answered(reply))
        return reply

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _send(
        self, endpoint: "Endpoint", content: bytes, private: Sequence[str]
    ) -> httpx.Response:
        retry = 0
        while True:
            outcome = await self._attempt(endpoint, content, private)
            if isinstance(outcome, httpx.Response):
                return outcome
            wait = self._retries.wait(retry, outcome.retry_after, remaining())
            if wait is None:
                raise outcome
            await self._retries.sleep(wait)
            retry += 1

    async def _attempt(
        self, endpoint: "Endpoint", content: bytes, private: Sequence[str]
    ) -> httpx.Response | InferenceError:
        """Send once: a good response, or the error that a retry may cure; raises any other."""
        try:
            response = await self._connected().post(endpoint.url, content=content)
        except _OUT_OF_REACH as error:
            reason = excerpt(str(error), private) or type(error).__name__
            return InferenceUnavailableError(f"{endpoint} is out of reach: {reason}.")
        except httpx.HTTPError as error:
            raise InferenceError(f"{endpoint} sent a reply that cannot be read: {error}.") from None
        if response.status_code == httpx.codes.OK:
            return response
        refusal = failure(endpoint, response, [*private, token_of(response)])
        if response.status_code in _WORTH_A_RETRY:
            return refusal
        raise refusal

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                auth=self._auth,
                headers={**self._headers, "Content-Type": "application/json"},
                # The deadline ends the whole call; a limit for each read would not end a drip.
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=100, keepalive_expiry=_KEEP_ALIVE_SECONDS),
                verify=True,
                transport=self._http,
            )
        return self._client


def _sendable(variable: str, value: str) -> str:
    """Refuse here what HTTP libraries would refuse with the secret in their message."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ConfigurationError(
            f"{variable} must be of visible ASCII characters, without spaces or line breaks"
        )
    return value


def _json(endpoint: "Endpoint", response: httpx.Response, private: Sequence[str]) -> Any:
    reply = decoded(response)
    if reply is None:
        raise InferenceError(f"{endpoint} answered with {form(response)} instead of usable JSON.")
    if isinstance(reply, dict) and reply.get("error"):
        raise InferenceError(f"{endpoint} failed: {excerpt(said_in(reply), private)}.")
    return reply
