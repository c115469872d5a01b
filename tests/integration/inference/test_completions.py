"""Completions of every kind that hosts send: complete, incomplete, filtered, empty, reasoning."""

import json
import logging
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from shared.errors import (
    InferenceError,
    InferenceRefusedError,
    TokenLimitError,
    UnusableCompletionError,
)
from shared.inference.chat import HuggingFaceChat
from shared.inference.circuit_breaker import CircuitBreaker
from shared.inference.http_client import InferenceClient, Retries
from shared.inference.ports import ChatMessage, Completion
from shared.settings import Settings
from tests.support.http_faults import refuse, send_json, send_text
from tests.support.huggingface import FakeHuggingFace

ANSWER = "Faith is trust [1]."
SETTINGS = Settings(prompt_price=1.0, completion_price=10.0, breaker_min_calls=1)
PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "The user asks."}]},
    {"type": "reasoning", "text": "The user asks."},
    {"type": "text", "text": "Faith is "},
    "trust ",
    {"type": "output_text", "text": "[1]."},
    {"type": "image_url", "image_url": {"url": "data:"}},
]


@pytest.fixture
def host() -> FakeHuggingFace:
    return FakeHuggingFace(answer=lambda _: ANSWER)


@pytest.fixture
def breaker() -> CircuitBreaker:
    """One that the first failure opens."""
    return CircuitBreaker("model", "http://host", SETTINGS)


@pytest.fixture
def chat(host: FakeHuggingFace, breaker: CircuitBreaker) -> HuggingFaceChat:
    return open_chat(host, breaker, SETTINGS)


def open_chat(
    host: FakeHuggingFace, breaker: CircuitBreaker | None, settings: Settings
) -> HuggingFaceChat:
    client = InferenceClient(
        settings, retries=Retries(max_retries=0), transport=httpx.ASGITransport(host)
    )
    return HuggingFaceChat(client, settings, breaker)


async def complete(chat: HuggingFaceChat) -> Completion:
    return await chat.complete([ChatMessage("user", "What is faith?")], max_tokens=64)


def reply(content: Any = ANSWER, finish_reason: Any = "stop", **message: Any) -> dict[str, Any]:
    """Return the reply of a host, with token counts."""
    choice = {"message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 5, "completion_tokens": 6}
    return {"choices": [{**choice, "finish_reason": finish_reason}], "usage": usage}


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a reply whose first choice lacks a member."""
    (choice,) = whole["choices"]
    return {**whole, "choices": [{key: choice[key] for key in choice if key != name}]}


@pytest.mark.parametrize(
    "sent",
    [
        *(
            reply(finish_reason=name)
            for name in ("stop", "eos_token", "end_turn", "STOP", "", None)
        ),
        reply(finish_reason="FinishReason.STOP"),
        reply(finish_reason="stop_sequence"),
        without(reply(), "finish_reason"),
        reply(f"<think>The user asks.</think>{ANSWER}"),
        reply(f"{ANSWER}<|im_end|>"),
        reply(reasoning_content="The user asks."),
        reply(reasoning="The user asks.", refusal=None, tool_calls=[]),
        reply(PARTS),
        reply({"type": "text", "text": ANSWER}),
    ],
    ids=repr,
)
async def test_complete_answer_is_returned_without_reasoning(
    host: FakeHuggingFace, chat: HuggingFaceChat, sent: dict[str, Any]
) -> None:
    host.script(send_json(sent))
    completion = await complete(chat)
    assert (completion.text, completion.incomplete) == (ANSWER, False)
    assert completion.cost == pytest.approx((5 * 1 + 6 * 10) / 1e6)


@pytest.mark.parametrize(
    "finish_reason",
    [
        *("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens"),
        *("model_context_window_exceeded", "pause_turn", "something_new", 7, {"type": "x"}, []),
    ],
)
async def test_truncated_or_unknown_end_marks_the_completion_as_incomplete(
    host: FakeHuggingFace, chat: HuggingFaceChat, breaker: CircuitBreaker, finish_reason: Any
) -> None:
    host.script(send_json(reply("<think>The user asks.</think>Faith is", finish_reason)))
    completion = await complete(chat)
    assert (completion.text, completion.incomplete) == ("Faith is", True)
    assert breaker.state == "closed"


FILTERED = "content filter applied"
REFUSED = "declined to answer"
REASONED = "Raise ANSWER_MAX_TOKENS, or lower LLM_REASONING_EFFORT"
EMPTY = "sent an empty message"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        *(
            (reply(finish_reason=name), FILTERED)
            for name in ("content_filter", "content-filter", "SAFETY", "RECITATION", "refusal")
        ),
        (reply(finish_reason="ERROR_TOXIC"), FILTERED),
        (reply(None, "content_filter"), FILTERED),
        (without(reply(finish_reason="content_filter"), "message"), FILTERED),
        (reply(None, refusal="I cannot help with that."), REFUSED),
        (reply("I cannot.", refusal="I cannot help with that."), REFUSED),
        (reply([{"type": "refusal", "refusal": "I cannot."}]), REFUSED),
        (reply(None, "tool_calls", tool_calls=[{}]), "called a tool"),
        (reply("Let me look.", "function_call"), "called a tool"),
        (reply(None), EMPTY),
        (reply(" \n"), EMPTY),
        (reply([]), EMPTY),
        (reply("<|im_end|>"), EMPTY + "|" + REASONED),
        (without(reply(), "message"), EMPTY),
        ({**reply(), "choices": []}, EMPTY),
        (reply(None, "length"), REASONED),
        (reply("", "length", reasoning_content="The user asks"), REASONED),
        (reply(None, "stop", reasoning="The user asks."), REASONED),
        (reply([PARTS[0]], "length"), REASONED),
        (reply("<think>The user asks", "length"), REASONED),
        (reply("<think>The user asks", "stop"), REASONED),
        (reply("<think>The user asks.</think>", "stop"), REASONED),
        (reply("<|channel|>analysis<|message|>The user asks", "length"), REASONED),
        (
            {
                **reply(""),
                "usage": {
                    "prompt_tokens": 5,
                    "completion_tokens": 6,
                    "completion_tokens_details": {"reasoning_tokens": 6},
                },
            },
            REASONED,
        ),
    ],
    ids=repr,
)
async def test_unusable_completion_is_an_error_of_its_request_alone(
    host: FakeHuggingFace,
    chat: HuggingFaceChat,
    breaker: CircuitBreaker,
    sent: dict[str, Any],
    message: str,
) -> None:
    """It names the reason and has the cost; the circuit breaker stays closed."""
    host.script(send_json(sent))
    with pytest.raises(UnusableCompletionError, match=message) as caught:
        await complete(chat)
    assert caught.value.cost == pytest.approx((5 * 1 + 6 * 10) / 1e6)
    assert breaker.state == "closed"
    assert "user asks" not in str(caught.value)
    assert "cannot" not in str(caught.value)


@pytest.mark.parametrize("finish_reason", ["error", "ERROR", "network_error", "abort"])
async def test_failed_generation_counts_in_the_circuit_breaker(
    host: FakeHuggingFace, chat: HuggingFaceChat, breaker: CircuitBreaker, finish_reason: str
) -> None:
    host.script(send_json(reply("Faith", finish_reason)))
    with pytest.raises(InferenceError, match="failed while it generated") as caught:
        await complete(chat)
    assert type(caught.value) is InferenceError
    assert caught.value.cost > 0
    assert breaker.state == "open"


async def test_text_that_ends_at_the_limit_is_no_answer_if_it_may_be_reasoning(
    host: FakeHuggingFace,
) -> None:
    chat = open_chat(host, None, replace(SETTINGS, reasoning_without_opening_tag=True))
    host.script(send_json(reply("The user asks", "length")))
    with pytest.raises(TokenLimitError, match=REASONED):
        await complete(chat)
    host.script(send_json(reply("The user asks.</think>Faith is", "length")))
    completion = await complete(chat)
    assert (completion.text, completion.incomplete) == ("Faith is", True)
    host.script(send_json(reply("Faith is", "length", reasoning_content="The user asks.")))
    assert (await complete(chat)).text == "Faith is"


async def test_cost_of_hidden_reasoning_without_token_counts_is_the_limit(
    host: FakeHuggingFace, chat: HuggingFaceChat
) -> None:
    host.script(send_json({"choices": reply(None, "length")["choices"]}))
    with pytest.raises(UnusableCompletionError) as caught:
        await complete(chat)
    assert caught.value.cost > 64 * 10 / 1e6


async def test_uncounted_call_leaves_the_circuit_breaker_as_it_is(
    host: FakeHuggingFace, chat: HuggingFaceChat, breaker: CircuitBreaker
) -> None:
    host.script(refuse(500))
    with pytest.raises(InferenceError):
        await complete(chat.uncounted())
    assert (breaker.state, breaker.take_report().calls) == ("closed", 0)
    await complete(chat.uncounted())
    assert breaker.take_report().calls == 0


@pytest.mark.parametrize("media_type", ["text/event-stream", "application/json", "text/plain"])
async def test_event_stream_is_read_although_none_was_requested(
    host: FakeHuggingFace, chat: HuggingFaceChat, media_type: str
) -> None:
    deltas = [{"role": "assistant"}, {"reasoning": "The user asks."}, {"content": ANSWER}]
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": delta}]} for delta in deltas]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "length"}]}]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    host.script(send_text(f": ping\n\n{body}data: [DONE]\n\n", media_type))
    completion = await complete(chat)
    assert (completion.text, completion.incomplete) == (ANSWER, True)


@pytest.mark.parametrize(
    "body", ['data: {"choices": [{"delta": {"content": "Faith is"}}]}\n\n', "data: {oops\n\n"]
)
async def test_event_stream_that_was_cut_is_an_error(
    host: FakeHuggingFace, chat: HuggingFaceChat, body: str
) -> None:
    host.script(send_text(body, "text/event-stream"))
    with pytest.raises(InferenceError):
        await complete(chat)


class ChoosyHost(FakeHuggingFace):
    """A host whose model refuses parameters, one by one, in the words of a given host."""

    def __init__(self, refused: dict[str, Any]) -> None:
        super().__init__(answer=lambda _: ANSWER)
        self._refused = refused

    async def _reply(self, request: Request, body: Any) -> Any:
        for name, error in self._refused.items():
            if name in body:
                return JSONResponse(error, 422 if "detail" in error else 400)
        return await super()._reply(request, body)


def openai_error(name: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "param": name, "code": "unsupported_parameter"}}


REFUSALS: dict[str, dict[str, Any]] = {
    "OpenAI": {
        "max_tokens": openai_error(
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model."
            " Use 'max_completion_tokens' instead.",
        ),
        "temperature": openai_error(
            "temperature", "Unsupported value: 'temperature' does not support 0 with this model."
        ),
    },
    "pydantic": {
        "seed": {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}
    },
    "text": {
        "temperature": {"error": "`temperature` has to be a strictly positive float"},
        "reasoning_effort": {"message": "Unrecognized request argument: reasoning_effort"},
    },
    "Ollama": {"reasoning_effort": {"error": {"message": '"gemma3" does not support thinking'}}},
}


@pytest.mark.parametrize("refused", REFUSALS.values(), ids=REFUSALS)
async def test_refused_parameters_are_omitted_from_then_on(
    refused: dict[str, Any], breaker: CircuitBreaker, caplog: pytest.LogCaptureFixture
) -> None:
    """Also by the verifier. One line in the log names them."""
    host = ChoosyHost(refused)
    chat = open_chat(host, breaker, replace(SETTINGS, reasoning_effort="low"))
    verifier = chat.uncounted()
    with caplog.at_level(logging.WARNING):
        assert (await complete(chat)).text == ANSWER
        sent = len(host.calls)
        assert sent == len(refused) + 1
        await complete(verifier)
    assert len(host.calls) == sent + 1
    body = host.calls[-1].body
    assert not refused.keys() & body.keys()
    assert body["max_completion_tokens" if "max_tokens" in refused else "max_tokens"] == 64
    assert body.get("seed") == (None if "seed" in refused else 0)
    assert [record.message for record in caplog.records] == [
        "requests omit parameters that the model refuses"
    ]
    assert breaker.state == "closed"


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "The prompt is too long."}},
        {"error": "max_tokens 64 and 8150 input tokens exceed the context of 8192"},
        {"error": "max_tokens is too large: 64. The model supports at most 32 completion tokens"},
    ],
)
async def test_other_refusals_are_not_retried(error: Any, breaker: CircuitBreaker) -> None:
    host = ChoosyHost({"model": error})
    with pytest.raises(InferenceRefusedError):
        await complete(open_chat(host, breaker, SETTINGS))
    assert len(host.calls) == 1


async def test_parameter_is_not_remembered_if_the_retry_fails_too(
    host: FakeHuggingFace, chat: HuggingFaceChat
) -> None:
    host.script(refuse(400, {"error": "seed?"}), refuse(400, {"error": "Something else."}))
    with pytest.raises(InferenceRefusedError, match="answered 400"):
        await complete(chat)
    await complete(chat)
    assert host.calls[-1].body["seed"] == 0


@pytest.mark.parametrize("effort", ["", "low"])
async def test_reasoning_effort_is_sent_only_if_it_is_set(
    host: FakeHuggingFace, effort: str
) -> None:
    await complete(open_chat(host, None, replace(SETTINGS, reasoning_effort=effort)))
    assert host.calls[0].body.get("reasoning_effort", "") == effort
