"""The question-pair model: the logits of a plain implementation, independent of other pairs."""

import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.matching.pair_model.calibration import probability
from shared.matching.pair_model.model import FOLDER, MAX_TOKENS, PairModel
from tests.support.plain_pair_model import PlainPairModel

PAIRS = [
    ("How do I reset my password?", "How can I change a forgotten password?"),
    ("How do I reset my password?", "how do i reset my passwrod"),
    ("How do I reset my password?", "How do I delete my account?"),
    ("When is our wedding anniversary?", "When is their wedding anniversary?"),
    ("Who is the present from?", "Who is the present for?"),
    ("What does he owe me?", "What do I owe him?"),
    ("May I water the cactus in winter?", "Must I water the cactus in winter?"),
    ("How many vacation days are left in 2025?", "How many vacation days are left in 2026?"),
    ("Is the shop open on Monday?", "Is the shop closed on Monday?"),
    ("Why should we pray?", "Why should we not pray?"),
    ("Hi, um, what is the wifi password please?", "What is the wifi password?"),
    ("What did Mr. Price say?", "What did Mr. Cost say?"),
    ("What is faith?", "What is hope?"),
    ("What are the three best ways to learn to swim", "How does one learn swimming best?"),
    ("Is 5 km more than 3 miles?", "Is 3 km more than 5 miles?"),
    ("Wer glaubt an Gott?", "Wer glaubt Gott?"),
    ("¿Dónde está la llave?", "¿Dónde está el coche?"),
    ("Где ключ от дома?", "Где ключи от дома?"),
    ("神はどこにいますか", "神は誰ですか"),
    ("Can I mix paracetamol and ibuprofen? I took one this morning.", "Can I mix them?"),
]
A, B = PAIRS[0]


@pytest.fixture(scope="module")
def model() -> PairModel:
    return PairModel.load()


def test_logit_is_that_of_a_plain_implementation_in_float64(model: PairModel) -> None:
    plain = PlainPairModel("float64")
    for a, b in PAIRS:
        assert model.logits(a, [b]) == pytest.approx([plain.logit(a, b)], abs=0.01)


@pytest.mark.parametrize(("a", "b"), [*PAIRS, ("", A), ("🙂", "🙃"), ("a", "b " * 100)])
def test_logit_does_not_depend_on_the_order_of_the_questions(
    model: PairModel, a: str, b: str
) -> None:
    assert model.logits(a, [b]) == model.logits(b, [a])


def test_logit_does_not_depend_on_the_other_pairs(model: PairModel) -> None:
    others = [b for _, b in PAIRS]
    alone = [model.logits(A, [other])[0] for other in others]
    assert model.logits(A, others) == alone
    assert model.logits(A, others[::-1]) == alone[::-1]
    assert model.logits(A, []) == []


def test_threads_share_a_model(model: PairModel) -> None:
    expected = [model.logits(a, [b]) for a, b in PAIRS]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            assert list(pool.map(lambda pair: model.logits(pair[0], [pair[1]]), PAIRS)) == expected


def test_rewording_has_a_higher_logit_than_another_question(model: PairModel) -> None:
    rewording, other = model.logits("What is faith?", ["Hi, what's faith?", "What is hope?"])
    assert probability(rewording) > 0.85
    assert probability(other) < 0.5


@pytest.mark.parametrize("text", ["", " ", "?", "🙂", "שלום", "ㅎ", "\x00", "x" * 5000, "[SEP]"])
def test_any_text_has_a_logit(model: PairModel, text: str) -> None:
    assert all(math.isfinite(logit) for logit in model.logits(text, [text, A]))


def test_questions_that_do_not_fit_are_not_compared(model: PairModel) -> None:
    """Their difference may be in what the model would not see."""
    fitting = "grace " * (MAX_TOKENS - 4)
    assert math.isfinite(model.logits("peace", [fitting])[0])
    assert model.logits("peace", [f"{fitting} end"]) == [-math.inf]
    assert model.logits(fitting, [fitting]) == [-math.inf]
    assert probability(-math.inf) == 0


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt", "config.json"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [(truncate, "is damaged"), (flip_a_bit, "is damaged"), (Path.unlink, "No such file")],
)
def test_missing_or_damaged_file_is_reported(
    tmp_path: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "files"
    shutil.copytree(FOLDER, folder)
    damage(folder / name)
    with pytest.raises(ConfigurationError, match=rf"{name}.*{message}.*install Tercet again"):
        PairModel.load(folder)


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="install Tercet again"):
        PairModel.load(tmp_path / "absent")


@pytest.mark.parametrize(("lower", "higher"), [(-math.inf, -9), (-1, 0), (1.5, 1.75), (4, 9)])
def test_probability_rises_with_the_logit(lower: float, higher: float) -> None:
    assert 0 <= probability(lower) < probability(higher) < 1
