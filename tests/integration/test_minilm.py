"""MiniLM in numpy against the reference's scores, and against itself."""

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


def test_a_pair_has_the_score_of_the_reference(embedder: MiniLMEmbedder) -> None:
    one, other = embedder.encode([CHIEF_END, CREATED])
    assert float(one @ other) == pytest.approx(REFERENCE_SCORE, abs=1e-5)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)


async def test_canonical_vectors_keep_the_score(embedder: MiniLMEmbedder) -> None:
    one, other = await embedder.embed([CHIEF_END, CREATED])
    assert one.shape == (embedder.dimensions,)
    assert float(cosines(one, other[None])[0]) == pytest.approx(REFERENCE_SCORE, abs=0.003)


def test_alone_or_in_any_batch_a_question_has_one_vector(embedder: MiniLMEmbedder) -> None:
    with real_data("pairs/clinc150_test.tsv").open(encoding="utf-8") as rows:
        asked = {row["text"] for row in csv.DictReader(rows, delimiter="\t")}
    questions = random.Random(1).sample(sorted({*asked, *catechism_questions()}), 200)
    together = embedder.encode(questions)
    halves = np.concatenate([embedder.encode(questions[:77]), embedder.encode(questions[77:])])
    alone = np.concatenate([embedder.encode([question]) for question in questions])
    assert np.array_equal(together, alone)
    assert np.array_equal(together, halves)


def test_long_notes_keep_their_vector_in_a_batch(embedder: MiniLMEmbedder) -> None:
    texts = [note["text"] for note in devotionals()[:6]]
    alone = np.concatenate([embedder.encode([text]) for text in texts])
    assert np.array_equal(embedder.encode(texts), alone)


def test_a_text_is_cut_at_256_tokens(embedder: MiniLMEmbedder) -> None:
    within, beyond, other = embedder.encode(
        ["grace " * 253 + "end", "grace " * 253 + "end of all things", "grace " * 252 + "peace end"]
    )
    assert np.array_equal(within, beyond)
    assert not np.array_equal(within, other)


def test_nothing_and_an_empty_text_can_be_embedded(embedder: MiniLMEmbedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dimensions)
    assert canonical(embedder.encode([""])[0]).any()


def test_threads_that_come_at_once_load_the_weights_once() -> None:
    fresh = MiniLMEmbedder()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(fresh._load())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each is found[0] for each in found)
    assert len(found) == 4


async def test_a_deadline_that_has_passed_is_an_inference_time_out(
    embedder: MiniLMEmbedder,
) -> None:
    with deadline_scope(-1), pytest.raises(InferenceTimeoutError):
        await embedder.embed([CREATED])
