"""The fake host checked with OpenAI's client, and our clients checked with both."""

from collections.abc import Iterator

import numpy as np
import openai
import pytest

from shared.inference.chat import HuggingFaceChat
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient
from shared.inference.ports import ChatMessage
from shared.settings import Settings
from shared.vectors import canonical
from tests.support.http_faults import refuse
from tests.support.huggingface import FakeHuggingFace, serving

TOKEN = "sk-peer"
MODEL = "gpt-peer"
TEXTS = ["What is faith?", "Who was Ruth?"]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[FakeHuggingFace, str]]:
    app = FakeHuggingFace(token=TOKEN)
    with serving(app) as url:
        yield app, url


@pytest.fixture
def host(server: tuple[FakeHuggingFace, str]) -> FakeHuggingFace:
    server[0].reset()
    return server[0]


@pytest.fixture
def theirs(server: tuple[FakeHuggingFace, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server[1]}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client


@pytest.fixture
def settings(server: tuple[FakeHuggingFace, str]) -> Settings:
    url = f"{server[1]}/v1"
    environ = {
        "LLM_TOKEN": TOKEN,
        "LLM_CHAT_URL": f"{url}/chat/completions",
        "LLM_CHAT_MODEL": MODEL,
        "LLM_EMBEDDING_URL": f"{url}/embeddings",
        "LLM_EMBEDDING_MODEL": MODEL,
        "LLM_EMBEDDING_DIMENSIONS": "256",
    }
    return Settings.from_env(environ)


async def test_both_clients_send_the_same_conversation_and_read_the_same_completion(
    host: FakeHuggingFace, theirs: openai.OpenAI, settings: Settings
) -> None:
    completion = theirs.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": TEXTS[0]}],
        max_tokens=32,
        temperature=0,
        seed=0,
        stream=False,
    )
    client = InferenceClient(settings)
    mine = await HuggingFaceChat(client, settings).complete(
        [ChatMessage("user", TEXTS[0])], max_tokens=32
    )
    await client.aclose()
    assert mine.text == completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage
    assert mine.prompt_tokens == completion.usage.prompt_tokens
    assert mine.completion_tokens == completion.usage.completion_tokens
    assert host.calls[0].body == host.calls[1].body
    assert host.calls[0].path == host.calls[1].path
    assert len({call.headers["authorization"] for call in host.calls}) == 1


async def test_asynchronous_client_reads_a_completion_too(settings: Settings) -> None:
    url = settings.chat_url.removesuffix("/chat/completions")
    async with openai.AsyncOpenAI(base_url=url, api_key=TOKEN) as client:
        completion = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": TEXTS[0]}]
        )
    assert completion.choices[0].message.content


@pytest.mark.parametrize("encoding", ["float", "base64", None])
async def test_both_clients_read_the_same_embeddings(
    host: FakeHuggingFace, theirs: openai.OpenAI, settings: Settings, encoding: str | None
) -> None:
    """OpenAI's client requests Base64 by default and decodes it; ours requests numbers."""
    options = {"encoding_format": encoding} if encoding else {}
    reply = theirs.embeddings.create(
        model=MODEL,
        input=TEXTS,
        dimensions=256,
        **options,  # type: ignore[arg-type]  # one of two literals
    )
    if encoding == "base64":  # requested by name, it is not decoded
        assert all(isinstance(item.embedding, str) for item in reply.data)
        return
    rows = [item.embedding for item in sorted(reply.data, key=lambda item: item.index)]
    client = InferenceClient(settings)
    vectors = await HuggingFaceEmbedder(client, settings).embed(TEXTS)
    await client.aclose()
    assert np.array_equal(vectors, [canonical(row) for row in rows])
    bodies = [{**call.body, "encoding_format": None} for call in host.calls]
    assert bodies[0] == bodies[1]


def test_models_are_listed(theirs: openai.OpenAI) -> None:
    assert [model.id for model in theirs.models.list()] == ["fake"]


def test_official_client_reads_the_errors_of_the_fake(
    host: FakeHuggingFace, theirs: openai.OpenAI
) -> None:
    host.refused_parameters = frozenset({"dimensions"})
    with pytest.raises(openai.BadRequestError, match="dimensions") as refused:
        theirs.embeddings.create(model=MODEL, input=TEXTS, dimensions=8)
    assert refused.value.param == "dimensions"
    with pytest.raises(openai.AuthenticationError):
        theirs.with_options(api_key="sk-wrong").embeddings.create(model=MODEL, input=TEXTS)
    host.script(refuse(429, {"error": {"message": "Busy", "code": "rate_limit_exceeded"}}))
    with pytest.raises(openai.RateLimitError, match="Busy") as limited:
        theirs.embeddings.create(model=MODEL, input=TEXTS)
    assert limited.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.NotFoundError):
        theirs.with_options(base_url=theirs.base_url.join("/v2/")).models.list()
