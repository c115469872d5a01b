"""Requests, replies and costs of the language model and the embedder, over a real socket."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import numpy as np
import pytest

from shared.container import Container
from shared.errors import ConfigurationError
from shared.inference.chat import HuggingFaceChat
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient
from shared.inference.ports import ChatMessage
from shared.settings import Settings
from shared.text import estimate_tokens
from shared.vectors import canonical
from tests.support.http_faults import send_json
from tests.support.huggingface import FakeHuggingFace, hashed_answer, hashed_embeddings

HUB = "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
CONVERSATION = [ChatMessage("system", "Be brief."), ChatMessage("user", "Who was Ruth?")]

Open = Callable[..., InferenceClient]


def chatting(client: InferenceClient, settings: Settings) -> Awaitable[object]:
    return HuggingFaceChat(client, settings).complete(CONVERSATION, max_tokens=64)


async def test_chat_sends_the_request_of_the_openai_api(
    host: FakeHuggingFace, settings: Settings, open_client: Open
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


async def test_empty_token_is_not_sent(
    host: FakeHuggingFace, settings: Settings, open_client: Open
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
async def test_each_embedding_api_gets_its_request_and_gives_the_same_vectors(
    host: FakeHuggingFace,
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


async def test_reply_to_one_text_may_be_one_vector_without_a_list(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    (row,) = hashed_embeddings(["one"])
    host.script(send_json(row))
    (vector,) = await HuggingFaceEmbedder(open_client(settings), settings).embed(["one"])
    assert np.array_equal(vector, canonical(row))


async def test_texts_are_sent_in_batches_of_32_and_embeddings_are_in_order(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    texts = [f"text {number}" for number in range(70)]
    vectors = await HuggingFaceEmbedder(open_client(settings), settings).embed(texts)
    assert [len(call.body["inputs"]) for call in host.calls] == [32, 32, 6]
    assert np.array_equal(vectors, [canonical(row) for row in hashed_embeddings(texts)])


async def test_empty_list_of_texts_sends_no_request(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    assert await HuggingFaceEmbedder(open_client(settings), settings).embed([]) == []
    assert host.calls == []


async def test_lone_surrogates_are_replaced_and_control_characters_are_sent(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    await HuggingFaceEmbedder(open_client(settings), settings).embed(["a\ud800\x00\u202e"])
    assert host.calls[0].body["inputs"] == ["a?\x00\u202e"]


async def test_embedding_and_chat_calls_share_one_connection(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    client = open_client(settings)
    for _ in range(2):
        await HuggingFaceEmbedder(client, settings).embed(["one"])
        await chatting(client, settings)
    assert len(host.calls) == 4
    assert len({call.port for call in host.calls}) == 1


async def test_closed_client_reconnects(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    client = open_client(settings)
    await client.aclose()
    await chatting(client, settings)
    await client.aclose()
    await chatting(client, settings)
    assert len({call.port for call in host.calls}) == 2


def test_embedding_url_and_model_must_name_the_same_model() -> None:
    container = Container(Settings(embedding_model="BAAI/bge-small-en-v1.5"))
    with pytest.raises(ConfigurationError, match="set both to the same model"):
        _ = container.embedder


async def test_cost_is_computed_from_the_token_counts_of_the_reply(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    settings = replace(settings, prompt_price=2.0, completion_price=10.0)
    chat = HuggingFaceChat(open_client(settings), settings)
    completion = await chat.complete(CONVERSATION, max_tokens=64)
    assert completion.text == hashed_answer(
        [{"role": each.role, "content": each.content} for each in CONVERSATION]
    )
    assert completion.model == settings.chat_model
    assert (completion.prompt_tokens, completion.completion_tokens) == (5, 6)
    assert completion.cost == pytest.approx((5 * 2 + 6 * 10) / 1e6)


@pytest.mark.parametrize(
    "usage",
    [None, {}, "free", {"prompt_tokens": None}, {"prompt_tokens": 0}, {"prompt_tokens": -1}],
)
async def test_cost_is_computed_from_estimates_without_token_counts(
    host: FakeHuggingFace, settings: Settings, open_client: Open, usage: object
) -> None:
    text = "Ruth was the great-grandmother of David [1]."
    host.script(send_json({"choices": [{"message": {"content": text}}], "usage": usage}))
    chat = HuggingFaceChat(open_client(settings), settings)
    completion = await chat.complete(CONVERSATION, max_tokens=64)
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, None)
    tokens = estimate_tokens(text) + sum(estimate_tokens(each.content) + 8 for each in CONVERSATION)
    assert completion.cost == pytest.approx(tokens * 0.10 / 1e6)


async def test_repr_of_objects_does_not_contain_the_token(settings: Settings) -> None:
    client = InferenceClient(settings)
    chat = HuggingFaceChat(client, settings)
    for each in (client, chat, chat._endpoint, settings):
        assert "hf_test" not in repr(each)


async def test_client_can_call_an_asgi_app_in_process() -> None:
    settings = Settings()
    client = InferenceClient(settings, transport=httpx.ASGITransport(FakeHuggingFace()))
    assert len(await HuggingFaceEmbedder(client, settings).embed(["one"])) == 1
