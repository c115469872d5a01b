"""Optional parameters of requests for embeddings, over a real socket."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from shared.errors import InferenceRefusedError
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient
from shared.settings import Settings
from tests.support.http_faults import refuse, send_json
from tests.support.huggingface import FakeHuggingFace, hashed_embeddings

HUB = "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
OPENAI = "/v1/embeddings"
DIMENSIONS = 8

OpenEmbedder = Callable[..., HuggingFaceEmbedder]


@pytest.fixture
def open_embedder(
    host: FakeHuggingFace, settings: Settings, open_client: Callable[..., InferenceClient]
) -> OpenEmbedder:
    """Open an embedder of 8 dimensions, as the host sends them."""

    def opener(path: str, dimensions: int = DIMENSIONS) -> HuggingFaceEmbedder:
        host.embed = partial(hashed_embeddings, dimensions=dimensions)
        url = settings.embedding_url.replace(HUB, path)
        changed = replace(settings, embedding_url=url, embedding_dimensions=dimensions)
        return HuggingFaceEmbedder(open_client(changed), changed)

    return opener


@pytest.mark.parametrize(
    "api",
    [(OPENAI, 8, 8), ("/api/embed", 8, 8), (OPENAI, 384, None), ("/embed", 384, None)],
)
async def test_dimensions_are_requested_where_they_are_set_and_the_api_has_them(
    host: FakeHuggingFace,
    open_embedder: OpenEmbedder,
    api: tuple[str, int, int | None],
) -> None:
    """384 is the default."""
    path, dimensions, sent = api
    (vector,) = await open_embedder(path, dimensions).embed(["one"])
    assert vector.size == dimensions
    assert host.calls[0].body.get("dimensions") == sent


def test_explicit_default_dimensions_are_requested_too() -> None:
    for name in ("HF_EMBEDDING_DIMENSIONS", "LLM_EMBEDDING_DIMENSIONS"):
        assert Settings.from_env({name: "384"}).has_embedding_dimensions
    assert not Settings.from_env({}).has_embedding_dimensions


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        (OPENAI, {"dimensions"}),
        (OPENAI, {"encoding_format"}),
        (OPENAI, {"dimensions", "encoding_format"}),
        ("/embed", {"truncate"}),
        (HUB, {"normalize", "truncate"}),
    ],
)
async def test_refused_parameter_is_omitted_from_then_on(
    host: FakeHuggingFace,
    open_embedder: OpenEmbedder,
    caplog: pytest.LogCaptureFixture,
    path: str,
    refused: set[str],
) -> None:
    host.refused_parameters = frozenset(refused)
    embedder = open_embedder(path)
    (vector,) = await embedder.embed(["one"])
    assert vector.size == 8
    assert len(host.calls) == 1 + len(refused)
    await embedder.embed(["two"])
    assert len(host.calls) == 2 + len(refused)
    (record,) = [each for each in caplog.records if "omit parameters" in each.message]
    assert vars(record)["log_fields"]["parameters"] == sorted(refused)


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "This model does not support specifying dimensions."}},
        {"error": {"message": "Invalid request", "param": "dimensions"}},
        {
            "object": "error",
            "message": 'Model "x" does not support matryoshka representation, changing output'
            " dimensions will lead to poor results.",
            "type": "BadRequestError",
            "code": 400,
        },
        {"detail": [{"loc": ["body", "dimensions"], "msg": "Extra inputs are not permitted"}]},
        {"error": "unknown field `dimensions`"},
    ],
)
@pytest.mark.parametrize("status", [400, 422])
async def test_refused_dimensions_are_recognised_in_each_form(
    host: FakeHuggingFace, open_embedder: OpenEmbedder, error: object, status: int
) -> None:
    host.script(refuse(status, error))
    await open_embedder(OPENAI).embed(["one"])
    assert ["dimensions" in call.body for call in host.calls] == [True, False]


async def test_parameter_refused_in_a_response_200_is_omitted(
    host: FakeHuggingFace, open_embedder: OpenEmbedder
) -> None:
    host.script(send_json({"error": {"code": 400, "message": "dimensions is not supported"}}))
    await open_embedder(OPENAI).embed(["one"])
    assert ["dimensions" in call.body for call in host.calls] == [True, False]


async def test_refused_content_is_not_sent_again(
    host: FakeHuggingFace, open_embedder: OpenEmbedder
) -> None:
    """The message names a parameter that the request does not have."""
    host.script(refuse(400, {"error": "the input is too long, set truncate"}))
    with pytest.raises(InferenceRefusedError):
        await open_embedder(OPENAI).embed(["one"])
    assert len(host.calls) == 1
