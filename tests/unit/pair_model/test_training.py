"""What the pair model is trained from: synthetic pairs, 8-bit weights, calibration."""

import gzip
import re
from pathlib import Path
from random import Random

import numpy as np
import pytest

from infra.pair_model.calibrate import calibration_error, fit, probability
from infra.pair_model.labelled_pairs import Pair, read_pairs
from infra.pair_model.quantise import quantise
from infra.pair_model.synthesis import Synthesis
from infra.pair_model.wording import OPPOSITES

QUESTIONS = [
    "How do I increase the limit from 10 to 20?",
    "Is Anna open on Monday after work?",
    "What is the best way to learn Spanish from Maria?",
    "Should we pray before dinner with Peter?",
]


def synthesis(seed: int = 1) -> Synthesis:
    return Synthesis(QUESTIONS, Random(seed))


@pytest.mark.parametrize(
    ("change", "question", "expected"),
    [
        ("change_number", "How are 7 and 9 related?", r"How are (\d+ and 9|7 and \d+) related\?"),
        ("change_day_or_month", "Is it open on Monday?", r"Is it open on [A-Z][a-z]+day\?"),
        ("negate", "Should I pray at home?", r"Should I not pray at home\?"),
        ("negate", "Why does the cat sleep?", r"Why does the cat not sleep\?"),
        ("use_opposite", "Is it open?", r"Is it closed\?"),
        ("change_name", "Who is Paul?", r"Who is (Anna|Maria|Monday|Peter|Spanish)\?"),
        ("swap_sides", "Is a letter from Ann?", r"Is a Ann from letter\?"),
        ("narrow", "Can I swim?", r"Can I swim .+\?"),
        ("greet", "Can I swim?", r".+[Cc]an I swim\?"),
        ("close", "Can I swim?", r"Can I swim\? ?.+"),
        ("mistype", "Can I travel now?", r"Can I (?!travel )t\w{4,6} now\?"),
        ("reopen", "Can I swim?", r"(Is it possible to|Am I able to|Could I) swim\?"),
        ("reopen", "Why does rain fall?", r"How come rain fall\?"),
    ],
)
def test_change(change: str, question: str, expected: str) -> None:
    for seed in range(20):
        assert re.fullmatch(expected, getattr(synthesis(seed), change)(question))


@pytest.mark.parametrize(
    "change",
    ["change_number", "change_day_or_month", "negate", "use_opposite", "change_name", "swap_sides"],
)
def test_change_that_does_not_fit_is_left_out(change: str) -> None:
    assert getattr(synthesis(), change)("Why cats purr?") is None


def test_typo_spares_words_that_have_an_opposite() -> None:
    assert synthesis().mistype("Increase") is None


def test_pairs_have_the_wanted_counts_and_depend_on_the_seed_alone() -> None:
    questions = QUESTIONS * 20
    made = Synthesis(questions, Random(3)).pairs(different=12, same=9)
    assert [pair.label for pair in made] == [0] * 12 + [1] * 9
    assert all(pair.a.lower() != pair.b.lower() for pair in made)
    assert made == Synthesis(questions, Random(3)).pairs(different=12, same=9)
    assert made != Synthesis(questions, Random(4)).pairs(different=12, same=9)


def test_opposites_are_symmetric() -> None:
    assert all(word in OPPOSITES[each] for word, others in OPPOSITES.items() for each in others)


def test_quantised_matrix_is_near_the_original() -> None:
    values = np.random.default_rng(1).standard_normal((20, 384)).astype(np.float32)
    values[3] *= 1000
    values[4] = 0
    stored = quantise({"a.weight": values})
    assert stored["a.weight"].dtype == np.int8
    scale = stored["a.weight.scale"][:, np.newaxis]
    assert scale.dtype == np.float32
    assert np.all(np.abs(stored["a.weight"] * scale - values) <= scale * 0.51)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("a.bias", (384,)), ("out.weight", (1, 768)), ("position_embeddings.weight", (512, 384))],
)
def test_small_weights_are_stored_as_float16(name: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    stored = quantise({name: values})
    assert list(stored) == [name]
    assert stored[name].dtype == np.float16
    assert np.allclose(stored[name], values, rtol=1e-3, atol=1e-7)


def test_fit_finds_the_constants_that_made_the_labels() -> None:
    draws = np.random.default_rng(1)
    logits = draws.normal(0, 3, 20_000)
    labels = (draws.random(20_000) < probability(logits, 0.6, -0.4)).astype(float)
    assert fit(logits, labels) == pytest.approx((0.6, -0.4), abs=0.05)
    assert calibration_error(probability(logits, *fit(logits, labels)), labels) < 0.01


@pytest.mark.parametrize(
    ("probabilities", "labels", "error"),
    [([0.0, 1.0], [0, 1], 0.0), ([0.9] * 10, [1] * 9 + [0], 0.0), ([1.0, 1.0], [1, 0], 0.5)],
)
def test_calibration_error(probabilities: list[float], labels: list[int], error: float) -> None:
    found = calibration_error(np.array(probabilities), np.array(labels, dtype=float))
    assert found == pytest.approx(error)


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_pairs_are_read(tmp_path: Path, name: str) -> None:
    content = 'id\ta\tb\tlabel\n1\tIs "x" ü?\tWhy?\t1\n'.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read_pairs(tmp_path / name) == [Pair('Is "x" ü?', "Why?", 1)]
