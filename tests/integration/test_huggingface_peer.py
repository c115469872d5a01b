"""The fake Hugging Face checked with the official client, and our clients checked with both."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from shared.errors import InferenceUnavailableError
from shared.inference.chat import HuggingFaceChat
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient as TercetClient
from shared.inference.http_client import Retries
from shared.inference.ports import ChatMessage
from shared.settings import Settings
from shared.vectors import canonical
from tests.support.certificates import create_self_signed_certificate
from tests.support.http_faults import refuse
from tests.support.huggingface import FakeHuggingFace, serving

HUB = "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
TOKEN = "hf_peer"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who was Ruth?"},
]


@pytest.fixture(scope="module")
def host() -> FakeHuggingFace:
    return FakeHuggingFace(token=TOKEN)


@pytest.fixture(scope="module")
def url(host: FakeHuggingFace) -> Iterator[str]:
    with serving(host) as url:
        yield url


@pytest.fixture
def settings(url: str) -> Settings:
    return Settings(hf_token=TOKEN, embedding_url=url + HUB, chat_url=f"{url}/v1/chat/completions")


async def ours(settings: Settings) -> str:
    client = TercetClient(settings)
    messages = [ChatMessage(each["role"], each["content"]) for each in MESSAGES]
    completion = await HuggingFaceChat(client, settings).complete(messages, max_tokens=32)
    await client.aclose()
    return completion.text


async def test_both_clients_read_the_same_completion(url: str, settings: Settings) -> None:
    """The official client is tested in its blocking and its asynchronous form."""
    client = InferenceClient(base_url=f"{url}/v1", api_key=TOKEN)
    blocking = client.chat_completion(MESSAGES, model=MODEL, max_tokens=32)
    async with AsyncInferenceClient(base_url=f"{url}/v1", api_key=TOKEN) as client_:
        asynchronous = await client_.chat_completion(MESSAGES, model=MODEL, max_tokens=32)
    assert blocking.choices[0].message.content == await ours(settings)
    assert asynchronous.choices[0].message.content == await ours(settings)
    assert blocking.usage.total_tokens > 0


async def test_both_clients_send_the_same_conversation(
    url: str, host: FakeHuggingFace, settings: Settings
) -> None:
    host.calls.clear()
    client = InferenceClient(base_url=f"{url}/v1", api_key=TOKEN)
    client.chat_completion(MESSAGES, model=MODEL, max_tokens=32, temperature=0.0, seed=0)
    await ours(settings)
    theirs, mine = host.calls
    assert mine.path == theirs.path == "/v1/chat/completions"
    assert mine.body == theirs.body
    assert mine.headers["authorization"] == theirs.headers["authorization"]


@pytest.mark.parametrize("path", [HUB, "/embed"])
async def test_both_clients_read_the_same_embeddings(
    url: str, host: FakeHuggingFace, settings: Settings, path: str
) -> None:
    host.calls.clear()
    texts = ["What is faith?", "Who was Ruth?"]
    client = InferenceClient(model=url + path, api_key=TOKEN)
    rows = client.feature_extraction(texts, normalize=True, truncate=True)
    tercet = TercetClient(settings)
    vectors = await HuggingFaceEmbedder(tercet, settings).embed(texts)
    await tercet.aclose()
    assert np.array_equal(vectors, [canonical(row) for row in rows])
    theirs, mine = host.calls
    assert mine.body == theirs.body


def test_reply_to_one_text_has_the_shape_of_each_host(url: str) -> None:
    hub = InferenceClient(model=url + HUB, api_key=TOKEN).feature_extraction("one")
    tei = InferenceClient(model=f"{url}/embed", api_key=TOKEN).feature_extraction("one")
    assert (hub.shape, tei.shape) == ((384,), (1, 384))
    assert np.array_equal(hub, tei[0])


def test_official_client_reads_the_errors_of_the_fake(url: str, host: FakeHuggingFace) -> None:
    client = InferenceClient(base_url=f"{url}/v1", api_key="hf_wrong")
    with pytest.raises(HfHubHTTPError, match="Invalid username or password"):
        client.chat_completion(MESSAGES, model=MODEL)
    host.script(refuse(503, {"error": "Model is currently loading", "estimated_time": 20.0}))
    with pytest.raises(HfHubHTTPError, match="currently loading"):
        client.chat_completion(MESSAGES, model=MODEL)


async def test_host_without_a_trusted_certificate_gets_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the certificate is trusted, the same host answers."""
    options = create_self_signed_certificate(tmp_path)
    host = FakeHuggingFace()
    with serving(host, **options) as url:
        settings = Settings(hf_token=TOKEN, chat_url=f"{url}/v1/chat/completions")
        client = TercetClient(settings, retries=Retries(max_retries=0))
        chat = HuggingFaceChat(client, settings)
        with pytest.raises(InferenceUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await chat.complete([ChatMessage("user", "Who?")], max_tokens=9)
        assert host.calls == []
        await client.aclose()
        monkeypatch.setenv("SSL_CERT_FILE", options["ssl_certfile"])
        await chat.complete([ChatMessage("user", "Who?")], max_tokens=9)
        await client.aclose()
    assert len(host.calls) == 1
