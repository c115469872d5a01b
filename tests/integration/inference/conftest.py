"""A fake Hugging Face behind a real socket, and clients that are closed after the test."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from shared.inference.http_client import InferenceClient, Retries
from shared.settings import Settings
from tests.support.huggingface import FakeHuggingFace, hashed_embeddings, serving

HUB = "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
QUICK = Retries(base_delay=0.01, min_call_seconds=0.01)


def open_transport() -> httpx.AsyncHTTPTransport:
    """Return a transport for plain HTTP: reading certificates would take longer than a test."""
    return httpx.AsyncHTTPTransport(verify=False)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[FakeHuggingFace, str]]:
    app = FakeHuggingFace()
    with serving(app, date_header=False) as url:
        yield app, url


@pytest.fixture
def host(server: tuple[FakeHuggingFace, str]) -> FakeHuggingFace:
    app, _ = server
    app.reset()
    app.embed, app.token = hashed_embeddings, None
    return app


@pytest.fixture
def settings(server: tuple[FakeHuggingFace, str]) -> Settings:
    _, url = server
    return Settings(
        hf_token="hf_test",
        embedding_url=url + HUB,
        chat_url=f"{url}/v1/chat/completions",
        inference_timeout=20.0,
    )


@pytest.fixture
async def open_client() -> AsyncIterator[Callable[..., InferenceClient]]:
    opened: list[InferenceClient] = []

    def opener(settings: Settings, retries: Retries = QUICK) -> InferenceClient:
        opened.append(InferenceClient(settings, retries=retries, transport=open_transport()))
        return opened[-1]

    yield opener
    for client in opened:
        await client.aclose()
