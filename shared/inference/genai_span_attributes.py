"""Span attributes of calls to models, by OpenTelemetry's semantic conventions for GenAI.

They hold no text of a question, note or answer. A value of a reply is used only if it is a known
name or a number.
"""

import re
from typing import TYPE_CHECKING, Any

from shared.inference.replies.known_names import known_name

if TYPE_CHECKING:
    from shared.inference.endpoint import Endpoint
    from shared.observability.timings import Attributes

_PROVIDERS = {
    "huggingface.co": "huggingface",
    "huggingface.cloud": "huggingface",
    "hf.space": "huggingface",
    "openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "mistral.ai": "mistral_ai",
    "groq.com": "groq",
    "deepseek.com": "deepseek",
    "x.ai": "x_ai",
}
_PORTS = {"http": 80, "https": 443}
_USAGE = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_VERSION = r"(?:[-:@]\d{1,8})*"
_MAX_COUNT = 2**63 - 1  # of a span attribute


def describe_model_call(call: "tuple[Endpoint, dict[str, Any]]") -> "tuple[str, Attributes]":
    """Return the span's name and attributes for a request body sent to an endpoint."""
    endpoint, body = call
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": endpoint.operation,
        "gen_ai.provider.name": provider_name(endpoint.url.host),
        "gen_ai.request.model": endpoint.model,
        "server.address": endpoint.url.host,
        "server.port": endpoint.url.port or _PORTS[endpoint.url.scheme],
    }
    if limit := body.get("max_tokens") or body.get("max_completion_tokens"):
        attributes["gen_ai.request.max_tokens"] = limit
    return f"{endpoint.operation} {endpoint.model}", attributes


def provider_name(host: str) -> str:
    """Return the well-known name of a host's provider, or `_OTHER`."""
    suffixes = [suffix for suffix in _PROVIDERS if f".{host}".endswith(f".{suffix}")]
    return _PROVIDERS[max(suffixes, key=len)] if suffixes else "_OTHER"


def describe_reply(reply: object, model: str) -> "Attributes":
    """Return the attributes of a reply: its model, finish reason and token counts.

    A model is reported if it is the requested `model`, or a dated version of it.
    """
    attributes: dict[str, Any] = {}
    match reply:
        case {"model": str(used)} if re.fullmatch(re.escape(model) + _VERSION, used, re.ASCII):
            attributes["gen_ai.response.model"] = used
    match reply:
        case {"choices": [{"finish_reason": str(reason)}]} if known_name(reason):
            attributes["gen_ai.response.finish_reasons"] = [reason]
    match reply:
        case {"usage": dict(usage)}:
            for name, attribute in _USAGE.items():
                if type(usage.get(name)) is int and abs(usage[name]) <= _MAX_COUNT:
                    attributes[f"gen_ai.usage.{attribute}"] = usage[name]
    return attributes
