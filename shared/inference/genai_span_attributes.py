"""How calls to models are told to traces: as OpenTelemetry's conventions for GenAI have it.

Nothing of what is asked or answered is in it; what a host says of itself only where it looks like
the name that it should be.
"""

import re
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from shared.inference.endpoint import Endpoint
    from shared.observability.timings import Attributes

_OPERATIONS = {"HF_CHAT": "chat", "HF_EMBEDDING": "embeddings"}
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
"""By the end of the host's name; whoever else serves a model is `_OTHER`."""

_PORTS = {"http": 80, "https": 443}
_USAGE = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_MODEL = re.compile(r"[\w./:@+-]{1,200}", re.ASCII)
_REASON = re.compile(r"[a-z_]{1,32}")


def described(asked: "tuple[Endpoint, dict[str, Any]]") -> "tuple[str, Attributes]":
    """Name a call: whom it asks, and what."""
    endpoint, body = asked
    operation, url = _OPERATIONS[endpoint.variable], httpx.URL(endpoint.url)
    told: dict[str, str | int] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider(url.host),
        "gen_ai.request.model": endpoint.model,
        "server.address": url.host,
        "server.port": url.port or _PORTS[url.scheme],
    }
    if "max_tokens" in body:
        told["gen_ai.request.max_tokens"] = body["max_tokens"]
    return f"{operation} {endpoint.model}", told


def provider(host: str) -> str:
    """Name who serves a model, by its host."""
    found = [end for end in _PROVIDERS if host == end or host.endswith(f".{end}")]
    return _PROVIDERS[max(found, key=len)] if found else "_OTHER"


def answered(reply: object) -> "Attributes":
    """Tell what a host says of its answer: the model, why it ended, the tokens that it took."""
    if not isinstance(reply, dict):
        return {}
    told: dict[str, Any] = {}
    model = reply.get("model")
    if isinstance(model, str) and _MODEL.fullmatch(model):
        told["gen_ai.response.model"] = model
    choices = reply.get("choices")
    reasons = [
        each["finish_reason"]
        for each in (choices if isinstance(choices, list) else ())
        if isinstance(each, dict) and isinstance(each.get("finish_reason"), str)
    ]
    if reasons and all(map(_REASON.fullmatch, reasons)):
        told["gen_ai.response.finish_reasons"] = reasons
    usage = reply.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return told | {
        f"gen_ai.usage.{ours}": counts[theirs]
        for theirs, ours in _USAGE.items()
        if type(counts.get(theirs)) is int
    }
