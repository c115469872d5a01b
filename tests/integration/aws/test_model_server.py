"""The local models over HTTP, called through the Hugging Face adapters."""

from pathlib import Path

from infra.local.embedder_choice import EmbedderChoice, open_embedder
from shared.container import Container
from shared.inference.quotations.extractive import ExtractiveAnswerer
from shared.notes.note import Source
from shared.settings import Settings
from tests.lambda_emulator.model_server import serve_models

SOURCES = [
    Source("a#0", "a", "Faith is being sure of what we hope for. The roof leaks again today.", 0.6),
    Source("b#0", "b", "The pear tree wants pruning in February, before the sap rises.", 0.1),
]


async def test_served_models_return_the_results_of_the_local_models(tmp_path: Path) -> None:
    with serve_models() as environ:
        notes = {"DATABASE_URL": f"sqlite:///{tmp_path}/notes.db", "CACHE_ENABLED": "false"}
        container = Container(Settings.from_env(notes | environ))
        texts = ["What is faith?", "When is the pear tree pruned?"]
        for local, served in zip(
            await open_embedder(EmbedderChoice.MINILM).embed(texts),
            await container.embedder.embed(texts),
            strict=True,
        ):
            assert local.tobytes() == served.tobytes()
        completion = await container.answerer.answer(texts[0], SOURCES)
        await container.aclose()
    assert (
        completion.text
        == (
            await ExtractiveAnswerer(open_embedder(EmbedderChoice.MINILM)).answer(texts[0], SOURCES)
        ).text
    )
    assert "being sure of what we hope for" in completion.text
    assert completion.cost == 0
