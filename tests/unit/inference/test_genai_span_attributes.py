"""Span attributes of calls to models: names and numbers, and no private text."""

from typing import Any

import pytest

from shared.inference.endpoint import Endpoint
from shared.inference.genai_span_attributes import (
    describe_model_call,
    describe_reply,
    provider_name,
)


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("router.huggingface.co", "huggingface"),
        ("abc.eu-west-1.aws.endpoints.huggingface.cloud", "huggingface"),
        ("api.openai.com", "openai"),
        ("mine.openai.azure.com", "azure.ai.openai"),
        ("localhost", "_OTHER"),
        ("nothuggingface.co", "_OTHER"),
        ("huggingface.co.example.org", "_OTHER"),
    ],
)
def test_provider_is_determined_by_the_host(host: str, provider: str) -> None:
    assert provider_name(host) == provider


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("https://user:secret@router.huggingface.co/v1", "router.huggingface.co", 443),
        ("http://[::1]:8080/v1", "::1", 8080),
        ("http://models/v1", "models", 80),
    ],
)
def test_call_attributes_name_the_server_and_the_token_limit(
    url: str, address: str, port: int
) -> None:
    endpoint = Endpoint("chat", "HF_CHAT", url, "m")
    name, attributes = describe_model_call((endpoint, {"max_tokens": 9, "messages": ["secret"]}))
    assert name == "chat m"
    assert (attributes["server.address"], attributes["server.port"]) == (address, port)
    assert attributes["gen_ai.request.max_tokens"] == 9
    assert "secret" not in str(attributes)


def test_reply_attributes_hold_model_finish_reason_and_token_counts() -> None:
    reply = {
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "choices": [{"finish_reason": "length", "message": {"content": "secret"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    assert describe_reply(reply, "meta-llama/Llama-3.1-8B-Instruct") == {
        "gen_ai.response.model": "meta-llama/Llama-3.1-8B-Instruct",
        "gen_ai.response.finish_reasons": ["length"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
    }


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [],
        {"model": "a whole sentence of a note", "choices": None, "usage": 7},
        {"model": 7, "choices": [{"finish_reason": "A Sentence"}], "usage": {"prompt_tokens": "9"}},
        {"model": "the-model-Ruth", "choices": [{"finish_reason": "inheritance"}]},
        {"model": "12345678", "usage": {"prompt_tokens": 10**400}},
        {"choices": [None, {"finish_reason": None}], "usage": {"completion_tokens": True}},
    ],
)
def test_values_that_are_no_names_or_numbers_are_left_out(reply: Any) -> None:
    assert describe_reply(reply, "the-model") == {}
