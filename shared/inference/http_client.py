"""The HTTP client for the model hosts: one connection pool, a deadline and retries."""

import asyncio
import json
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from shared.deadline import deadline_scope, remaining_seconds, timeout_at_deadline
from shared.dns import share_lookups
from shared.errors import (
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
)
from shared.inference.genai_span_attributes import describe_model_call, describe_reply
from shared.inference.replies.host_errors import read_error
from shared.inference.replies.reply_body import body_kind, body_text, decode_json
from shared.inference.replies.size_limit import ACCEPTED_ENCODING, limit_size, read_events_with
from shared.inference.token_auth import TokenAuth
from shared.observability.timings import start_span
from shared.secrets import Secret

if TYPE_CHECKING:
    from shared.inference.endpoint import Endpoint
    from shared.inference.ports import ReplyReader
    from shared.settings import Settings

_CONNECTION_ERRORS = (
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.ConnectTimeout,
)
_CONNECT_SECONDS = 3.0
_KEEP_ALIVE_SECONDS = 60.0
_MAX_CALLS = 100  # of one operation at once; others wait
_REPLACEMENTS = {"max_tokens": "max_completion_tokens"}
_REQUIRED = frozenset(_REPLACEMENTS.values())
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Exponential backoff with full jitter, within the deadline. Times are in seconds.

    The delay before retry n (from 0) is what the host asked for, plus a random part of
    `base_delay * 2**n`, which is `max_delay` at most. A call is not retried if fewer than
    `min_call_seconds` would remain after the delay.
    """

    max_retries: int = 2
    base_delay: float = 0.25
    max_delay: float = 2.0
    min_call_seconds: float = 1.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def delay(self, retry: int, retry_after: float | None, remaining: float) -> float | None:
        """Return the delay before this retry, or None if the call must not be retried.

        `retry_after` is what the host asked for, `remaining` the time until the deadline.
        """
        jitter = self.random() * min(self.max_delay, self.base_delay * 2**retry)
        delay = (retry_after or 0.0) + jitter
        fits = delay + self.min_call_seconds <= remaining
        return delay if retry < self.max_retries and fits else None


class InferenceClient:
    """Sends JSON to the model hosts.

    Chat and embeddings each have 100 concurrent calls at most. The connection pool is created at
    the first call, and again after `aclose`. Redirects are not followed: they would send private
    notes to a host that is not configured.

    Args:
        settings: the token, the organisation to bill and the time-out.
        token: a token that may be rotated, instead of the one in the settings.
        retries: when to retry.
        transport: a transport of httpx instead of the network, for example an ASGI app.

    """

    def __init__(
        self,
        settings: "Settings",
        *,
        token: "Secret | None" = None,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._headers = {
            "User-Agent": "tercet",
            "Content-Type": "application/json",
            "Accept-Encoding": ACCEPTED_ENCODING,
        }
        if settings.hf_bill_to:
            self._headers["X-HF-Bill-To"] = settings.hf_bill_to
        self._auth = TokenAuth(token or Secret.static(settings.hf_token))
        self._timeout = settings.inference_timeout
        self._log_messages = settings.log_questions
        self._retries = retries or Retries()
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._free_calls = _semaphores()

    async def post(
        self,
        endpoint: "Endpoint",
        body: dict[str, Any],
        *,
        reader: "ReplyReader | None" = None,
    ) -> Any:
        """Send `body` and return the decoded JSON of the reply.

        The call with its retries takes `inference_timeout` seconds at most, within the deadline.
        If the host refuses an optional parameter, the request is repeated without it, and later
        requests omit it; `max_completion_tokens` replaces `max_tokens`.

        Args:
            endpoint: the model.
            body: the request; lone surrogates in it are sent as question marks.
            reader: reads an event stream while it arrives. After it has passed text on, a failed
                call is not repeated.

        Raises:
            InferenceRefusedError: the request is wrong; a retry would not help.
            InferenceUnavailableError: the host is loading the model, busy or unreachable.
            InferenceTimeoutError: no complete reply came in time.
            InferenceError: the host failed otherwise, or its reply is not JSON.
        """
        with deadline_scope(self._timeout):
            seconds = max(remaining_seconds(), 0.0)
            late = InferenceTimeoutError(
                f"{endpoint} sent no complete reply within {seconds:.1f} s."
            )
            if not seconds:
                raise late
            with start_span("client", describe_model_call, (endpoint, body)) as span:
                try:
                    async with timeout_at_deadline():
                        reply = await self._send_accepted(endpoint, body, reader)
                except TimeoutError:
                    raise late from None
                span.set_attributes(describe_reply(reply, endpoint.model))
        return reply

    async def aclose(self) -> None:
        """Close the connections. The next call opens new ones."""
        client, self._client = self._client, None
        self._free_calls = _semaphores()  # those before belong to one event loop
        if client is not None:
            await client.aclose()

    async def _send_accepted(
        self,
        endpoint: "Endpoint",
        body: dict[str, Any],
        reader: "ReplyReader | None",
    ) -> Any:
        """Send a request without the parameters that the host refuses."""
        refused = endpoint.refused_parameters
        while True:
            accepted = _omit(body, refused)
            content = json.dumps(accepted, ensure_ascii=False).encode("utf-8", "replace")
            try:
                reply = await self._send(endpoint, content, reader)
            except InferenceRefusedError as error:
                named = error.parameters & (accepted.keys() - _REQUIRED)
                if not named:
                    raise
                refused |= named
            else:
                if refused - endpoint.refused_parameters:
                    endpoint.refused_parameters |= refused
                    log_fields = {"model": endpoint.model, "parameters": sorted(refused)}
                    _log.warning(
                        "requests omit parameters that the model refuses",
                        extra={"log_fields": log_fields},
                    )
                return reply

    async def _send(
        self,
        endpoint: "Endpoint",
        content: bytes,
        reader: "ReplyReader | None",
    ) -> Any:
        retry = 0
        while True:
            failure: InferenceError | None
            if reader:
                reader.begin()
            try:
                async with self._free_calls[endpoint.operation]:
                    response = await self._open_client().post(
                        endpoint.url, content=content, **read_events_with(reader)
                    )
            except _CONNECTION_ERRORS as error:
                # Only the errors of sockets and TLS contain no text that the host sent.
                is_local = isinstance(error, httpx.ConnectError)
                reason = (is_local and str(error)) or type(error).__name__
                failure = InferenceUnavailableError(f"{endpoint} is unreachable: {reason}.")
            except httpx.HTTPError as error:
                is_limit = isinstance(error, httpx.DecodingError)  # of `limit_size`
                reason = str(error) if is_limit else type(error).__name__
                raise InferenceError(
                    f"{endpoint} sent an invalid HTTP response: {reason}."
                ) from None
            else:
                reply = decode_json(response)
                failure = read_error(endpoint, response, reply)
                if self._log_messages and (failure or reply is None):
                    self._log_message(endpoint, response)
                if isinstance(failure, InferenceRefusedError):
                    raise failure
                if failure is None and reply is None:
                    kind = body_kind(response)
                    raise InferenceError(f"{endpoint} answered with {kind} instead of usable JSON.")
                if failure is None:
                    return reply
            delay = self._retries.delay(retry, failure.retry_after, remaining_seconds())
            if delay is None or (reader and reader.has_passed_on):
                raise failure
            await self._retries.sleep(delay)
            retry += 1

    def _log_message(self, endpoint: "Endpoint", response: httpx.Response) -> None:
        """Log what a host sent: it may quote the question, the notes and the token."""
        log_fields = {
            "model": endpoint.model,
            "status": response.status_code,
            "host_message": body_text(response),
        }
        _log.warning("a model host refused a request or failed", extra={"log_fields": log_fields})

    def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            share_lookups()
            self._client = httpx.AsyncClient(
                auth=self._auth,
                headers=self._headers,
                # The deadline limits the call: a read time-out would not end a slow drip of bytes.
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_SECONDS),
                event_hooks={"response": [limit_size]},
                transport=self._transport,
            )
        return self._client


def _semaphores() -> defaultdict[str, asyncio.Semaphore]:
    return defaultdict(lambda: asyncio.Semaphore(_MAX_CALLS))


def _omit(body: dict[str, Any], refused: frozenset[str]) -> dict[str, Any]:
    """Return the body without the refused parameters, or with those that replace them."""
    names = {name: _REPLACEMENTS.get(name, "") if name in refused else name for name in body}
    return {names[old]: value for old, value in body.items() if names[old] not in {"", *refused}}
