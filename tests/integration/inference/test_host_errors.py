"""Error responses and unusable replies of the model hosts, in process."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from shared.errors import (
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
)
from shared.inference.chat import HuggingFaceChat
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient, Retries
from shared.inference.ports import ChatMessage
from shared.settings import Settings
from tests.support.http_faults import Fault, refuse, send_json, send_text
from tests.support.huggingface import FakeHuggingFace

TOKEN = "hf_ThisTokenIsPrivate"
QUESTION = "What did my sister Ruth say about the inheritance?"
SETTINGS = Settings(hf_token=TOKEN, hf_bill_to="the-org")


@pytest.fixture
def host() -> FakeHuggingFace:
    return FakeHuggingFace(token=TOKEN)


@pytest.fixture
def client(host: FakeHuggingFace) -> InferenceClient:
    return InferenceClient(
        SETTINGS, retries=Retries(max_retries=0), transport=httpx.ASGITransport(host)
    )


async def chat_failure(
    host: FakeHuggingFace, client: InferenceClient, fault: Fault
) -> InferenceError:
    host.script(fault)
    with pytest.raises(InferenceError) as caught:
        await HuggingFaceChat(client, SETTINGS).complete(
            [ChatMessage("user", QUESTION)], max_tokens=9
        )
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, InferenceRefusedError, "Set HF_CHAT_MODEL and HF_CHAT_URL"),
        (
            401,
            InferenceRefusedError,
            "Set HF_TOKEN, or the secret that HF_TOKEN_SECRET names, to a valid token",
        ),
        (402, InferenceRefusedError, "HF_BILL_TO"),
        (403, InferenceRefusedError, "permission to call inference providers"),
        (404, InferenceRefusedError, "Set HF_CHAT_MODEL and HF_CHAT_URL"),
        (413, InferenceRefusedError, "PROMPT_CONTEXT_TOKENS"),
        (422, InferenceRefusedError, "answered 422. Set HF_CHAT_MODEL"),
        (307, InferenceRefusedError, "Set HF_CHAT_URL to the target of the redirect"),
        (408, InferenceTimeoutError, "answered 408"),
        (429, InferenceUnavailableError, "answered 429"),
        (500, InferenceError, "answered 500"),
        (502, InferenceUnavailableError, "answered 502"),
        (503, InferenceUnavailableError, "answered 503"),
        (504, InferenceTimeoutError, "answered 504"),
    ],
)
async def test_status_selects_the_error_and_its_remedy(
    host: FakeHuggingFace, client: InferenceClient, status: int, kind: type, message: str
) -> None:
    error = await chat_failure(host, client, refuse(status, {"error": "Boom."}))
    assert type(error) is kind
    assert message in str(error)
    assert "meta-llama/Llama-3.1-8B-Instruct at router.huggingface.co" in str(error)


@pytest.mark.parametrize(
    "fault",
    [
        refuse(400, {"error": "Input is too long"}),
        refuse(400, {"error": ["Input is too long", "Really"]}),
        refuse(400, {"error": {"message": "Input is too long", "code": 400}}),
        refuse(400, {"errors": [{"message": "Input is too long"}, {"message": "Really"}]}),
        refuse(400, {"message": "Input is too long"}),
        refuse(400, {"detail": [{"loc": ["body"], "msg": "Input is too long", "input": QUESTION}]}),
        refuse(400, "Input is too long"),
        refuse(400, X_Error_Message="Input is too long", X_Error_Code="TooLong"),
        refuse(400, {"trace": "x"}, X_Error_Message="Input is too long"),
    ],
    ids=["string", "list", "OpenAI", "errors", "message", "detail", "text", "header", "both"],
)
async def test_message_chooses_the_remedy_in_each_form_of_error_body(
    host: FakeHuggingFace, client: InferenceClient, fault: Fault
) -> None:
    error = str(await chat_failure(host, client, fault))
    assert "Send less at once" in error
    assert "Input" not in error


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (refuse(502, "<html><h1>Bad gateway</h1></html>"), "answered 502: an HTML page."),
        (refuse(500, '{"error": "cut o'), "answered 500: malformed JSON."),
        (refuse(500), "answered 500: an empty body."),
        (refuse(500, {"trace": "x"}), "answered 500."),
        (refuse(500, "x" * 5000), "answered 500: plain text."),
        (send_text('{"choices": [{"mess'), "answered with malformed JSON instead"),
        (send_text("<!DOCTYPE html>", "text/html"), "answered with an HTML page instead"),
        (send_text(""), "answered with an empty body instead"),
        (send_text("[" * 100_000), "answered with malformed JSON instead"),
        (
            send_json({"error": "late trouble", "error_type": "x"}),
            "at router.huggingface.co failed.",
        ),
        (send_json([]), "without choices[0].message"),
        (send_json({"choices": None}), "without choices[0].message"),
        (send_json({"choices": ["text"]}), "without choices[0].message"),
        (send_json({"choices": [{"message": "text"}]}), "without choices[0].message"),
        (send_json({"choices": [{"index": 0}]}), "without choices[0].message"),
        (send_json({"choices": [{"message": {"content": 7}}]}), "content is int, not text"),
    ],
)
async def test_unusable_reply_is_described_without_quoting_it(
    host: FakeHuggingFace, client: InferenceClient, fault: Fault, message: str
) -> None:
    assert message in str(await chat_failure(host, client, fault))


async def test_codes_of_the_host_are_shown(host: FakeHuggingFace, client: InferenceClient) -> None:
    body = {"error": {"code": "rate_limit_exceeded", "type": "requests", "message": "Boom"}}
    error = await chat_failure(host, client, refuse(429, body, X_Error_Code="TooManyRequests"))
    assert "answered 429: rate_limit_exceeded, requests." in str(error)
    error = await chat_failure(host, client, refuse(400, "Boom", X_Error_Code="TooLong"))
    assert "answered 400: TooLong." in str(error)


@pytest.mark.parametrize("log_questions", [False, True])
@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_message_of_the_host_is_logged_only_with_log_questions(
    host: FakeHuggingFace, caplog: pytest.LogCaptureFixture, status: int, *, log_questions: bool
) -> None:
    settings = replace(SETTINGS, log_questions=log_questions)
    transport = httpx.ASGITransport(host)
    client = InferenceClient(settings, retries=Retries(max_retries=0), transport=transport)
    error = await chat_failure(host, client, refuse(status, {"error": f"cannot do: {QUESTION}"}))
    assert "Ruth" not in str(error)
    logged = [vars(record)["log_fields"]["host_message"] for record in caplog.records]
    assert [QUESTION in each for each in logged] == [True] * log_questions


async def test_message_of_the_host_chooses_the_remedy(
    host: FakeHuggingFace, client: InferenceClient
) -> None:
    error = await chat_failure(host, client, refuse(400, {"error": "expected {x} or {0!r}"}))
    assert "answered 400. Set HF_CHAT_MODEL and HF_CHAT_URL" in str(error)
    error = await chat_failure(host, client, refuse(400, {"error": "model {x} not found"}))
    assert "answered 400. Set HF_CHAT_MODEL to a model" in str(error)


def with_date(header: str) -> str:
    """Replace `@30` by the date 30 seconds from now."""
    if not header.startswith("@"):
        return header
    return format_datetime(datetime.now(UTC) + timedelta(seconds=float(header[1:])), usegmt=True)


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({}, {"RateLimit": '"api";r=0;t=55'}, 55),
        ({}, {"RateLimit": '"burst";r=3;t=2, "api";r=0;t=55'}, 55),
        ({}, {"RateLimit": '"api";r=10;t=55'}, None),
        ({}, {"RateLimit": '"api"; r=0; t=55'}, 55),
        ({}, {"RateLimit": "r=0;t=soon;;=,"}, None),
        ({}, {"Retry_After": "7"}, 7),
        ({}, {"Retry_After": "7", "RateLimit": '"api";r=0;t=55'}, 55),
        ({}, {"Retry_After": "@30"}, 30),
        ({}, {"Retry_After": "@3630", "Date": "@3600"}, 30),
        ({}, {"Retry_After": "@-30"}, 0),
        ({}, {"Retry_After": "soon"}, None),
        ({}, {"Retry_After": "-5"}, None),
        ({}, {"Retry_After": "inf"}, None),
        ({"estimated_time": 12.5}, {}, 12.5),
        ({"estimated_time": "a while"}, {}, None),
        ({"estimated_time": 10**400}, {}, None),
        ({}, {}, None),
    ],
)
async def test_retry_after_is_read_from_headers_and_body(
    host: FakeHuggingFace,
    client: InferenceClient,
    body: dict[str, Any],
    headers: dict[str, str],
    seconds: float | None,
) -> None:
    sent = {name: with_date(value) for name, value in headers.items()}
    error = await chat_failure(host, client, refuse(429, {"error": "busy", **body}, **sent))
    if seconds is None:
        assert error.retry_after is None
    else:
        assert error.retry_after == pytest.approx(seconds, abs=2)


UNIT = [1.0] + [0.0] * 383


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ([UNIT], "1 embeddings for 2 texts"),
        (UNIT, "1 embeddings for 2 texts"),
        ([UNIT] * 3, "3 embeddings for 2 texts"),
        ([[UNIT, UNIT], [UNIT]], "a vector for each token instead of one for each text"),
        ([[1.0, 2.0]] * 2, "2 dimensions, but HF_EMBEDDING_DIMENSIONS is 384"),
        ([[*UNIT[:-1], "0"]] * 2, "not a list of numbers"),
        ([[*UNIT[:-1], None]] * 2, "not a list of numbers"),
        ([[*UNIT[:-1], True]] * 2, "not a list of numbers"),
        ([UNIT, "text"], "neither numbers nor Base64"),
        ([UNIT, []], "0 dimensions"),
        ([[*UNIT[:-1], 10**400]] * 2, "an unusable embedding"),
        ([[0.0] * 384] * 2, "an unusable embedding"),
        ([], "no list of embeddings"),
        ({"embeddings": []}, "no list of embeddings"),
        ({"embeddings": {"a": UNIT}}, "no list of embeddings"),
        ({"data": [{"index": 1, "embedding": UNIT}, {"index": 2, "embedding": UNIT}]}, "0 to 1"),
        ({"data": [{"index": [], "embedding": UNIT}]}, "0 to 0"),
        ({"data": [{"index": True, "embedding": UNIT}]}, "0 to 0"),
        ({"data": [{"index": 0}]}, "an item without an embedding"),
        ({"data": [{"embedding": UNIT}, UNIT]}, "an item without an embedding"),
        ({"data": [{"embedding": {}}, {"embedding": UNIT}]}, "not a list of numbers"),
        ({"error": "Model is overloaded"}, "at router.huggingface.co failed."),
        ("text", "no list of embeddings"),
    ],
)
async def test_embeddings_of_a_wrong_shape_are_refused(
    host: FakeHuggingFace, client: InferenceClient, reply: Any, message: str
) -> None:
    host.script(send_json(reply))
    with pytest.raises(InferenceError, match=message.replace("[", r"\[")):
        await HuggingFaceEmbedder(client, SETTINGS).embed(["one", "two"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_non_finite_numbers_are_refused(
    host: FakeHuggingFace, client: InferenceClient, number: str
) -> None:
    host.script(send_text(f"[[{', '.join(['0.5'] * 383 + [number])}]]"))
    with pytest.raises(InferenceError, match="finite"):
        await HuggingFaceEmbedder(client, SETTINGS).embed(["one"])


async def test_token_level_embedding_of_one_text_is_refused(
    host: FakeHuggingFace, client: InferenceClient
) -> None:
    host.script(send_json([[UNIT, UNIT, UNIT]]))
    with pytest.raises(InferenceError, match="sentence-transformers"):
        await HuggingFaceEmbedder(client, SETTINGS).embed(["one"])
