"""MiniLM in numpy: the scores of the reference, and vectors that depend on the text alone."""

import csv
import json
import os
import random
import subprocess
import sys
import threading
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.minilm import MiniLMEmbedder
from infra.local.model_weights import MINILM, weights_folder
from shared.deadline import deadline_scope
from shared.errors import InferenceTimeoutError
from shared.matching.pair_model.bert import Bert, erf_gelu
from shared.matching.pair_model.safetensors import parse_safetensors
from shared.matching.pair_model.wordpieces import CLS, SEP
from shared.vectors import canonical, cosines, from_bytes
from tests.support.command import ROOT
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


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Questions, and long notes."""
    with real_data("pairs/clinc150_test.tsv").open(encoding="utf-8") as rows:
        questions = {row["text"] for row in csv.DictReader(rows, delimiter="\t")}
    chosen = random.Random(1).sample(sorted({*questions, *catechism_questions()}), 27)
    return [*chosen, *(note["text"] for note in devotionals()[:3])]


@pytest.fixture(scope="module")
def alone(embedder: MiniLMEmbedder, texts: list[str]) -> dict[str, bytes]:
    """The vector of each text, embedded by a call of its own."""
    return {text: encoded(embedder, [text])[0] for text in texts}


@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_embedding_does_not_depend_on_the_batch_or_the_number_of_threads(
    embedder: MiniLMEmbedder, texts: list[str], alone: dict[str, bytes], data: st.DataObject
) -> None:
    batch = data.draw(st.lists(st.sampled_from(texts), max_size=8))
    threads = data.draw(st.integers(1, 8))
    with patch("os.cpu_count", lambda: threads):
        assert encoded(embedder, batch) == [alone[text] for text in batch]


def embedded_elsewhere(texts: list[str], **environment: str) -> tuple[list[bytes], list[bytes]]:
    """Return the vectors that another process computes: in one batch, and each text alone."""
    program = """
import json, sys
from infra.local.minilm import MiniLMEmbedder
from shared.vectors import canonical
embedder, texts = MiniLMEmbedder(), json.load(sys.stdin)
rows = [embedder.encode(texts), [embedder.encode([text])[0] for text in texts]]
print(json.dumps([[canonical(row).tobytes().hex() for row in each] for each in rows]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(texts),
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    together, each_alone = (
        [bytes.fromhex(row) for row in rows] for rows in json.loads(done.stdout)
    )
    return together, each_alone


def test_embedding_does_not_depend_on_the_process(
    texts: list[str], alone: dict[str, bytes]
) -> None:
    some = texts[-8:]
    together, each_alone = embedded_elsewhere(some, OPENBLAS_NUM_THREADS="3")
    assert together == each_alone == [alone[text] for text in some]


def test_other_processors_change_single_units_whatever_the_batch(
    texts: list[str], alone: dict[str, bytes]
) -> None:
    """With the kernels for older processors, a product depends on the number of its rows."""
    some = texts[-8:]
    together, each_alone = embedded_elsewhere(some, OPENBLAS_CORETYPE="Haswell")
    assert together == each_alone
    assert_differ_in_single_units(together, [alone[text] for text in some])


def assert_differ_in_single_units(some: list[bytes], others: list[bytes]) -> None:
    """Each component by at most one of 127 units, and at most one component in a thousand."""
    one, other = (
        np.stack([from_bytes(row) for row in rows]).astype(int) for rows in (some, others)
    )
    difference = np.abs(one - other)
    assert difference.max() <= 1
    assert difference.mean() <= 0.001


def test_vectors_are_those_of_float64_but_for_single_units(
    embedder: MiniLMEmbedder, texts: list[str], alone: dict[str, bytes]
) -> None:
    folder = weights_folder(MINILM) / "model"
    tensors = parse_safetensors((folder / "model.safetensors").read_bytes())
    bert = Bert((folder / "config.json").read_bytes(), tensors, np.float64, erf_gelu)
    pieces, _ = embedder._load()
    rows = [
        bert(np.array([[CLS, *pieces.tokenize(text)[:254], SEP]])).mean(axis=(0, 1))
        for text in texts
    ]
    exact = [canonical(row).tobytes() for row in rows]
    assert_differ_in_single_units(exact, [alone[text] for text in texts])


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
