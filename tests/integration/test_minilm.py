"""MiniLM in numpy: the scores of the reference, and vectors that do not depend on the batch."""

import csv
import random
import threading

import numpy as np
import pytest

from infra.local.minilm import MiniLMEmbedder
from shared.deadline import deadline_scope
from shared.errors import InferenceTimeoutError
from shared.vectors import canonical, cosines
from tests.support.data import catechism_questions, devotionals, real_data

CHIEF_END, CREATED = "What is the chief end of man?", "Why did God create people?"
REFERENCE_SCORE = 0.30475


@pytest.fixture(scope="module")
def embedder() -> MiniLMEmbedder:
    return MiniLMEmbedder()


def encoded(embedder: MiniLMEmbedder, texts: list[str]) -> list[bytes]:
    """Return the vectors of texts as they are stored, embedded in one batch."""
    return [canonical(row).tobytes() for row in embedder.encode(texts)]


def test_encode_gives_the_cosine_of_the_reference(embedder: MiniLMEmbedder) -> None:
    one, other = embedder.encode([CHIEF_END, CREATED])
    assert float(one @ other) == pytest.approx(REFERENCE_SCORE, abs=1e-5)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)


async def test_embed_gives_the_cosine_of_the_reference(embedder: MiniLMEmbedder) -> None:
    one, other = await embedder.embed([CHIEF_END, CREATED])
    assert one.shape == (embedder.dimensions,)
    assert float(cosines(one, other[None])[0]) == pytest.approx(REFERENCE_SCORE, abs=0.003)


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_embedding_does_not_depend_on_the_batch(embedder: MiniLMEmbedder, count: int) -> None:
    with real_data("pairs/clinc150_test.tsv").open(encoding="utf-8") as rows:
        texts = {row["text"] for row in csv.DictReader(rows, delimiter="\t")}
    questions = random.Random(1).sample(sorted({*texts, *catechism_questions()}), count)
    together = encoded(embedder, questions)
    halves = encoded(embedder, questions[: count // 3]) + encoded(embedder, questions[count // 3 :])
    assert together == halves
    assert together == [vector for each in questions for vector in encoded(embedder, [each])]


def test_embedding_of_long_notes_does_not_depend_on_the_batch(embedder: MiniLMEmbedder) -> None:
    texts = [note["text"] for note in devotionals()[:3]]
    alone = [vector for text in texts for vector in encoded(embedder, [text])]
    assert encoded(embedder, texts) == alone


def test_text_is_truncated_to_256_tokens(embedder: MiniLMEmbedder) -> None:
    short, long, other = embedder.encode(
        ["grace " * 253 + "end", "grace " * 253 + "end of all things", "grace " * 252 + "peace end"]
    )
    assert np.array_equal(short, long)
    assert not np.array_equal(short, other)


def test_encode_accepts_no_texts_and_an_empty_text(embedder: MiniLMEmbedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dimensions)
    assert canonical(embedder.encode([""])[0]).any()


def test_concurrent_threads_load_the_weights_once() -> None:
    new_embedder = MiniLMEmbedder()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(new_embedder._load())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each is found[0] for each in found)
    assert len(found) == 4


async def test_embed_after_the_deadline_raises_an_inference_timeout(
    embedder: MiniLMEmbedder,
) -> None:
    with deadline_scope(-1), pytest.raises(InferenceTimeoutError):
        await embedder.embed([CREATED])
