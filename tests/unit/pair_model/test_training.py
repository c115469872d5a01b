"""What the pair model is trained from: synthetic pairs, 8-bit weights, calibration."""

import gzip
import re
from pathlib import Path
from random import Random

import numpy as np
import pytest

from infra.pair_model.calibrate import calibration_error, fit, probability
from infra.pair_model.different_wording import EXCHANGES, MODALS, OPPOSITES
from infra.pair_model.frames import FRAMES, SLOTS, frame_pairs
from infra.pair_model.labelled_pairs import Pair, read_pairs
from infra.pair_model.quantise import dequantise, quantise
from infra.pair_model.same_wording import SYNONYMS
from infra.pair_model.synthesis import Synthesis

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
        ("change_group_member", "Do I fly to Paris?", r"Do I fly to (?!Paris)[A-Z][a-z]+\?"),
        ("change_group_member", "Is rice healthy?", r"Is (?!rice)[a-z]+ healthy\?"),
        ("exchange_modal", "Where may I park?", r"Where (must|should|will) I park\?"),
        ("change_name", "Who is Paul?", r"Who is (Anna|Maria|Monday|Peter|Spanish)\?"),
        ("swap_sides", "Is a letter from Ann?", r"Is a Ann from letter\?"),
        ("swap_names", "Did Ann pay Bob?", r"Did Bob pay Ann\?"),
        ("narrow", "Can I swim?", r"Can I swim .+\?"),
        ("qualify", "What is the salary?", r"What is the \w+ salary\?"),
        ("reask", "How do I swim?", r"(?!How I swim).+ swim\?"),
        ("reask", "What is life?", r"(?!What is life).*\blife\b.*\?"),
        ("reask", "When is Easter?", r"(Where|Why|How) is Easter\?"),
        ("greet", "Can I swim?", r".+[Cc]an I swim\?"),
        ("close", "Can I swim?", r"Can I swim\? ?.+"),
        ("mistype", "Can I travel now?", r"Can I (?!travel )t\w{4,6} now\?"),
        ("reword", "Why does rain fall?", r"How come rain fall\?"),
        ("reword", "What does grace mean?", r"What is (the meaning of|meant by) grace\?"),
        ("reword", "Who wrote Romans?", r"Who is the author of Romans\?"),
        ("use_synonym", "Can I buy it?", r"Can I purchase it\?"),
        ("drop_article", "Is the sky blue?", r"Is sky blue\?"),
    ],
)
def test_change(change: str, question: str, expected: str) -> None:
    for seed in range(20):
        assert re.fullmatch(expected, getattr(synthesis(seed), change)(question))


@pytest.mark.parametrize(
    "change",
    [
        *("change_number", "change_day_or_month", "negate", "change_name", "swap_sides"),
        *("change_group_member", "exchange_modal", "swap_names", "qualify", "reask", "reword"),
        *("use_synonym", "drop_article"),
    ],
)
def test_change_that_does_not_fit_is_left_out(change: str) -> None:
    assert getattr(synthesis(), change)("Why cats purr?") is None


@pytest.mark.parametrize(
    ("kind", "question", "expected"),
    [
        ("opposites", "Is it open?", r"Is it closed\?"),
        ("conjunctions", "Tea and milk?", r"Tea or milk\?"),
        ("prepositions", "Is it from Ann?", r"Is it (to|for) Ann\?"),
        ("persons", "Is it our car?", r"Is it their car\?"),
        ("degrees", "Is it too hot?", r"Is it (very|enough) hot\?"),
        ("units", "What year was it?", r"What (day|month) was it\?"),
        ("verbs", "How do I spell it?", r"How do I pronounce it\?"),
        ("attributes", "What is the deadline?", r"What is the topic\?"),
    ],
)
def test_exchanged_word_is_of_the_same_kind(kind: str, question: str, expected: str) -> None:
    for seed in range(20):
        changed = synthesis(seed).exchange(EXCHANGES[kind], question)
        assert changed
        assert re.fullmatch(expected, changed)


def test_modal_after_how_is_not_exchanged() -> None:
    assert synthesis().exchange_modal("How can I swim?") is None


def test_names_around_a_conjunction_are_not_swapped() -> None:
    assert synthesis().swap_names("Is it Ann or Bob?") is None


def test_wordings_of_one_frame_have_the_same_slots() -> None:
    for frame in FRAMES:
        slots = [sorted(re.findall(r"{(\w+)}", wording)) for wording in frame]
        assert slots == [slots[0]] * len(frame)
        assert set(slots[0]) <= SLOTS.keys()
        assert len(set(frame)) == len(frame) > 1


def test_frame_pairs_are_the_same_where_all_slots_are() -> None:
    pairs = list(frame_pairs(Random(1), 400))
    assert [pair.label for pair in pairs] == [1, 0] * 200
    assert all(pair.a != pair.b for pair in pairs)


def test_no_synonym_is_an_exchanged_word() -> None:
    exchanged = {
        (one, other)
        for words in [*EXCHANGES.values(), MODALS]
        for one in words
        for other in words[one]
    }
    assert not [
        (one, other)
        for group in SYNONYMS
        for one in group
        for other in group
        if (one, other) in exchanged
    ]


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


def test_dequantised_weights_quantise_to_the_same() -> None:
    values = np.random.default_rng(1).standard_normal((20, 384)).astype(np.float32)
    stored = quantise({"a.weight": values, "a.bias": values[0]})
    again = quantise(dequantise(stored))
    assert again.keys() == stored.keys()
    assert all(np.array_equal(again[name], stored[name]) for name in stored)


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
