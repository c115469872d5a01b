"""What traces are told of calls to models: names, numbers, and no text."""

from typing import Any

import pytest

from shared.inference.endpoint import Endpoint
from shared.inference.genai_span_attributes import (
    describe_model_call,
    describe_reply,
    provider_name,
)


@pytest.mark.parametrize(
    ("host", "named"),
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
def test_who_serves_a_model_is_told_by_its_host(host: str, named: str) -> None:
    assert provider_name(host) == named


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("https://user:secret@router.huggingface.co/v1", "router.huggingface.co", 443),
        ("http://[::1]:8080/v1", "::1", 8080),
        ("http://models/v1", "models", 80),
    ],
)
def test_a_call_is_told_by_its_server_and_its_bound(url: str, address: str, port: int) -> None:
    endpoint = Endpoint("chat model", "HF_CHAT", url, "m")
    name, told = describe_model_call((endpoint, {"max_tokens": 9, "messages": ["secret"]}))
    assert name == "chat m"
    assert (told["server.address"], told["server.port"]) == (address, port)
    assert told["gen_ai.request.max_tokens"] == 9
    assert "secret" not in str(told)


def test_an_answer_is_told_by_what_its_host_says_of_it() -> None:
    reply = {
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "choices": [{"finish_reason": "length", "message": {"content": "secret"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    assert describe_reply(reply) == {
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
        {"choices": [None, {"finish_reason": None}], "usage": {"completion_tokens": True}},
    ],
)
def test_what_does_not_look_like_a_name_or_number_is_not_told(reply: Any) -> None:
    assert describe_reply(reply) == {}
