"""What the adapters send and how they read it, over a real socket; and what it costs."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import numpy as np
import pytest

from shared.errors import (
    ConfigurationError,
)
from shared.inference.chat import HuggingFaceChat
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient
from shared.inference.ports import Message
from shared.inference.token_count import estimate_tokens
from shared.settings import Settings
from shared.vectors import canonical
from tests.support.http_faults import send_json
from tests.support.huggingface import HuggingFaceStandIn, hashed_answer, hashed_embeddings

HUB = "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
CONVERSATION = [Message("system", "Be brief."), Message("user", "Who was Ruth?")]


Open = Callable[..., InferenceClient]


def chatting(client: InferenceClient, settings: Settings) -> Awaitable[object]:
    return HuggingFaceChat(client, settings).complete(CONVERSATION, max_tokens=64)


async def test_a_conversation_is_sent_as_openai_has_it(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    settings = replace(settings, hf_bill_to="the-org")
    await chatting(open_client(settings), settings)
    (call,) = host.calls
    assert call.body == {
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Who was Ruth?"},
        ],
        "max_tokens": 64,
        "temperature": 0,
        "seed": 0,
        "stream": False,
    }
    assert call.headers["authorization"] == "Bearer hf_test"
    assert call.headers["x-hf-bill-to"] == "the-org"
    assert call.headers["content-type"] == "application/json"


async def test_no_token_sends_no_authorization(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    settings = replace(settings, hf_token="")
    await chatting(open_client(settings), settings)
    assert not {"authorization", "x-hf-bill-to"} & set(host.calls[0].headers)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (HUB, {"inputs": ["one", "two"], "normalize": True, "truncate": True}),
        ("/embed", {"inputs": ["one", "two"], "normalize": True, "truncate": True}),
        (
            "/v1/embeddings",
            {
                "model": "sentence-transformers/all-MiniLM-L6-v2",
                "input": ["one", "two"],
                "encoding_format": "float",
            },
        ),
    ],
)
async def test_each_kind_of_embedding_url_gets_its_form_and_gives_the_same_vectors(
    host: HuggingFaceStandIn,
    settings: Settings,
    open_client: Open,
    path: str,
    body: object,
) -> None:
    settings = replace(settings, embedding_url=settings.embedding_url.replace(HUB, path))
    vectors = await HuggingFaceEmbedder(open_client(settings), settings).embed(["one", "two"])
    assert host.calls[0].body == body
    expected = [canonical(row) for row in hashed_embeddings(["one", "two"])]
    assert np.array_equal(vectors, expected)


async def test_one_text_may_come_back_as_one_bare_vector(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    (row,) = hashed_embeddings(["one"])
    host.script(send_json(row))
    (vector,) = await HuggingFaceEmbedder(open_client(settings), settings).embed(["one"])
    assert np.array_equal(vector, canonical(row))


async def test_many_texts_go_32_at_a_time_and_come_back_in_order(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    texts = [f"text {number}" for number in range(70)]
    vectors = await HuggingFaceEmbedder(open_client(settings), settings).embed(texts)
    assert [len(call.body["inputs"]) for call in host.calls] == [32, 32, 6]
    assert np.array_equal(vectors, [canonical(row) for row in hashed_embeddings(texts)])


async def test_no_texts_ask_nobody(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    assert await HuggingFaceEmbedder(open_client(settings), settings).embed([]) == []
    assert host.calls == []


async def test_lone_surrogates_and_control_characters_are_sent(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    await HuggingFaceEmbedder(open_client(settings), settings).embed(["a\ud800\x00\u202e"])
    assert host.calls[0].body["inputs"] == ["a?\x00\u202e"]


async def test_embedding_and_chat_calls_share_one_connection(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    client = open_client(settings)
    for _ in range(2):
        await HuggingFaceEmbedder(client, settings).embed(["one"])
        await chatting(client, settings)
    assert len(host.calls) == 4
    assert len({call.port for call in host.calls}) == 1


async def test_a_closed_transport_opens_again(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    client = open_client(settings)
    await client.aclose()
    await chatting(client, settings)
    await client.aclose()
    await chatting(client, settings)
    assert len({call.port for call in host.calls}) == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(chat_url="router.huggingface.co/v1"), "HF_CHAT_URL must be an absolute URL"),
        (Settings(chat_url="ftp://host/x"), "HF_CHAT_URL must be an absolute URL"),
        (Settings(chat_url="https://host:port/x"), "HF_CHAT_URL must be an absolute URL"),
        (Settings(embedding_url="http://"), "HF_EMBEDDING_URL must be an absolute URL"),
        (Settings(embedding_model="BAAI/bge-small-en-v1.5"), "set both to the same model"),
        (Settings(hf_token="hf_secret\nX: y"), "HF_TOKEN must consist of visible ASCII"),
        (Settings(hf_token="hf_secret\u00e9"), "HF_TOKEN must consist of visible ASCII"),
        (Settings(hf_bill_to="two words"), "HF_BILL_TO must consist of visible ASCII"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(settings: Settings, told: str) -> None:
    def start() -> None:
        client = InferenceClient(settings)
        HuggingFaceChat(client, settings)
        HuggingFaceEmbedder(client, settings)

    with pytest.raises(ConfigurationError, match=told) as caught:
        start()
    assert "secret" not in str(caught.value)


async def test_an_answer_costs_what_the_host_counts(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open
) -> None:
    settings = replace(settings, prompt_price=2.0, completion_price=10.0)
    chat = HuggingFaceChat(open_client(settings), settings)
    completion = await chat.complete(CONVERSATION, max_tokens=64)
    assert completion.text == hashed_answer(
        [{"role": turn.role, "content": turn.content} for turn in CONVERSATION]
    )
    assert completion.model == settings.chat_model
    assert (completion.prompt_tokens, completion.completion_tokens) == (5, 6)
    assert completion.cost == pytest.approx((5 * 2 + 6 * 10) / 1e6)


@pytest.mark.parametrize(
    "usage",
    [None, {}, "free", {"prompt_tokens": None}, {"prompt_tokens": 0}, {"prompt_tokens": -1}],
)
async def test_an_uncounted_answer_costs_what_is_estimated(
    host: HuggingFaceStandIn, settings: Settings, open_client: Open, usage: object
) -> None:
    text = "Ruth was the great-grandmother of David [1]."
    host.script(send_json({"choices": [{"message": {"content": text}}], "usage": usage}))
    chat = HuggingFaceChat(open_client(settings), settings)
    completion = await chat.complete(CONVERSATION, max_tokens=64)
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, None)
    tokens = estimate_tokens(text) + sum(estimate_tokens(turn.content) + 8 for turn in CONVERSATION)
    assert completion.cost == pytest.approx(tokens * 0.10 / 1e6)


async def test_a_token_never_shows_in_what_an_object_says_of_itself(settings: Settings) -> None:
    client = InferenceClient(settings)
    chat = HuggingFaceChat(client, settings)
    for thing in (client, chat, chat._endpoint, settings):
        assert "hf_test" not in repr(thing)


async def test_an_asgi_app_serves_in_process() -> None:
    settings = Settings()
    client = InferenceClient(settings, transport=httpx.ASGITransport(HuggingFaceStandIn()))
    assert len(await HuggingFaceEmbedder(client, settings).embed(["one"])) == 1
