"""The embedded models over HTTP: what the Hugging Face adapters make of them."""

from pathlib import Path

from infra.local.embedded import minilm
from infra.local.model_server import serve_models
from shared.container import Container
from shared.inference.extractive import ExtractiveAnswerer
from shared.notes.note import Source
from shared.settings import Settings

SOURCES = [
    Source("a#0", "a", "Faith is being sure of what we hope for. The roof leaks again today.", 0.6),
    Source("b#0", "b", "The pear tree wants pruning in February, before the sap rises.", 0.1),
]


async def test_over_http_they_say_what_they_say_in_the_process(tmp_path: Path) -> None:
    with serve_models() as environ:
        notes = {"DATABASE_URL": f"sqlite:///{tmp_path}/notes.db", "CACHE_ENABLED": "false"}
        container = Container(Settings.from_env(notes | environ))
        texts = ["What is faith?", "When is the pear tree pruned?"]
        for ours, theirs in zip(
            await minilm().embed(texts), await container.embedder.embed(texts), strict=True
        ):
            assert ours.tobytes() == theirs.tobytes()
        said = await container.answerer.answer(texts[0], SOURCES)
        await container.aclose()
    assert said.text == (await ExtractiveAnswerer(minilm()).answer(texts[0], SOURCES)).text
    assert "being sure of what we hope for" in said.text
    assert said.cost == 0
