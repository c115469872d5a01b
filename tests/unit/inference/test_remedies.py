"""The remedy that an error names, from the host's status, message and the settings."""

import pytest

from shared.inference.endpoint import Endpoint
from shared.inference.replies.remedies import find_remedy

HUB = "https://router.huggingface.co"
CHAT = "http://vllm:8000/v1/chat/completions"
EMBED = "http://tei:8080/embed"


def chat(status: int, message: str = "", url: str = CHAT, *, token: bool = True) -> str:
    return find_remedy(Endpoint("chat", "LLM_CHAT", url, "m"), status, message, has_token=token)


def embed(status: int, message: str = "", url: str = EMBED, *, token: bool = True) -> str:
    endpoint = Endpoint("embeddings", "HF_EMBEDDING", url, "m")
    return find_remedy(endpoint, status, message, has_token=token)


@pytest.mark.parametrize("status", [401, 403])
def test_request_without_a_token_needs_one(status: int) -> None:
    remedy = chat(status, token=False)
    assert remedy == "Set LLM_TOKEN, or LLM_TOKEN_SECRET: the request had no token."


def test_refused_token_must_be_valid_or_get_permission() -> None:
    assert (
        chat(401) == "Set LLM_TOKEN, or the secret that LLM_TOKEN_SECRET names, to a valid token."
    )
    assert chat(403) == "Give LLM_TOKEN access to LLM_CHAT_MODEL."
    hub = f"{HUB}/hf-inference/models/m/pipeline/feature-extraction"
    assert "permission to call inference providers" in embed(403, url=hub)


def test_only_hugging_face_bills_an_organisation() -> None:
    assert "HF_BILL_TO" in embed(402, url=f"{HUB}/x")
    assert chat(402) == "Add credits to the account."


@pytest.mark.parametrize("message", ["Invalid API key provided", "API key not valid. Pass one."])
def test_wrong_token_is_recognised_in_a_bad_request(message: str) -> None:
    assert "LLM_TOKEN" in chat(400, message)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "the request exceeds the available context size, try increasing it",
        "Input is too long for requested model",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. context length exceeded",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Please reduce the length of the messages or completion.",
        "context_length_exceeded",
        "max_tokens is too large: 99999. This model supports at most 4096 completion tokens",
        "The size of tensor a (600) must match the size of tensor b (512)",
    ],
)
def test_long_request_must_be_shorter(message: str) -> None:
    expected = "Send less at once: lower PROMPT_CONTEXT_TOKENS or ANSWER_MAX_TOKENS."
    assert chat(400, message) == expected
    assert embed(422, message) == "Send less at once: lower CHUNK_WORDS."
    assert chat(413) == expected


@pytest.mark.parametrize(
    "message",
    [
        "The model `x` does not exist or you do not have access to it.",
        "The model `x` does not exist.",
        'model "x" not found, try pulling it first',
        "The requested model 'x' is not supported by any provider you have enabled.",
        "Model x is not supported for task text-generation and provider y.",
        '"nomic-embed-text" does not support chat',
        "model_not_found",
        "x is not a valid model ID",
        "No such model: x",
        "Unknown model x",
    ],
)
@pytest.mark.parametrize("status", [400, 404])
def test_unknown_model_must_be_another_one(message: str, status: int) -> None:
    expected = "Set LLM_CHAT_MODEL to a model that this host serves for chat."
    assert chat(status, message) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("http://vllm:8000", "http://vllm:8000/", "http://vllm:8000/v1"),
        *("http://vllm:8000/chat/completions", "http://vllm:8000/v1/chat"),
    ],
)
@pytest.mark.parametrize("status", [404, 405])
def test_incomplete_url_must_be_complete(url: str, status: int) -> None:
    expected = (
        "Set LLM_CHAT_URL to the complete URL of this task, which ends in /v1/chat/completions."
    )
    assert chat(status, "Not Found", url) == expected


@pytest.mark.parametrize("url", ["http://host/embeddings", "http://host/v1", "http://host"])
def test_incomplete_embedding_url_must_have_one_of_three_ends(url: str) -> None:
    remedy = embed(404, "Not Found", url)
    assert "HF_EMBEDDING_URL" in remedy
    assert "/v1/embeddings or /embed or /pipeline/feature-extraction" in remedy


@pytest.mark.parametrize(
    "url", [CHAT, "https://x/api/v3/chat/completions", "https://x/openai/v1/chat/completions"]
)
def test_complete_url_that_is_not_found_may_be_of_another_host(url: str) -> None:
    expected = "Set LLM_CHAT_MODEL and LLM_CHAT_URL to a model that this host serves for this task."
    assert chat(404, "Not Found", url) == expected


@pytest.mark.parametrize(
    "message",
    [
        "Failed to deserialize the JSON body: missing field `inputs` at line 1",
        "Field required",
        "input is required",
        "you must provide input",
        "Unrecognized request argument supplied: inputs",
    ],
)
def test_request_of_another_api_needs_another_url(message: str) -> None:
    assert embed(422, message).startswith("Set HF_EMBEDDING_URL to the complete URL")


def test_bad_request_at_another_path_needs_another_url() -> None:
    """llama.cpp at /v1/completions."""
    remedy = chat(400, "key 'prompt' not found", "http://host/v1/completions")
    assert remedy.startswith("Set LLM_CHAT_URL to the complete URL")


def test_redirect_names_its_target_setting() -> None:
    assert chat(301) == "Set LLM_CHAT_URL to the target of the redirect."


def test_batch_limit_is_the_hosts() -> None:
    assert "32 texts" in embed(422, "batch size 32 > maximum allowed batch size 8")


@pytest.mark.parametrize("status", [400, 422])
def test_unknown_reason_lists_what_can_be_wrong(status: int) -> None:
    remedy = chat(status, "Bad Request")
    for name in ("LLM_CHAT_MODEL", "LLM_CHAT_URL", "PROMPT_CONTEXT_TOKENS", "ANSWER_MAX_TOKENS"):
        assert name in remedy


@pytest.mark.parametrize("status", [418, 451, 501, 505])
def test_other_status_has_no_remedy(status: int) -> None:
    assert chat(status, "No") == ""
