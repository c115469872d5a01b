"""Tokens and weights are those of the libraries `tokenizers` and `safetensors`."""

import gzip
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save
from tokenizers import BertWordPieceTokenizer

from shared.matching.pair_model.model import FOLDER
from shared.matching.pair_model.safetensors import parse_safetensors
from shared.matching.pair_model.wordpieces import UNKNOWN, WordPieces
from tests.support.data import real_data

PIECES = WordPieces((FOLDER / "vocab.txt").read_bytes())
LIBRARY = BertWordPieceTokenizer(str(FOLDER / "vocab.txt"))
# Characters of many scripts, which Unicode has had since version 8, as `tokenizers` knows it.
CHARACTERS = st.one_of(
    *(
        st.characters(min_codepoint=first, max_codepoint=last, exclude_categories=["Cn"])
        for first, last in [
            *((0, 0x5FF), (0x900, 0x97F), (0x1E00, 0x206F), (0x2070, 0x218F)),
            *((0x3000, 0x30FF), (0x4E00, 0x9FCC), (0xAC00, 0xD7A3), (0x1F600, 0x1F64F)),
        ]
    )
)


def library_tokens(text: str) -> list[int]:
    tokens: list[int] = LIBRARY.encode(text, add_special_tokens=False).ids
    return tokens


@pytest.mark.parametrize(
    "text",
    [
        *("", " \t\r\n", "Hello, World!", "don't", "rock'n'roll", "e-mail: a.b@c.de", "C++ & C#"),
        *("naïve café", "Ångström", "ΟΔΟΣ", "İstanbul", "ﬁne", "½ cup", "5€ or $5?", "№ 7", "²"),
        *(
            "漢字かな交じり文",
            "한국어",
            "ภาษาไทย",
            "עברית",
            "العربية",
            "हिन्दी",
            "🙂👍🏽",
            "a\u200db",
        ),
        *("zero\u200bwidth", "no\u00a0break", "line\u2028end", "nul\x00", "tab\tbed", "a\ufffdb"),
        *("x" * 100, "x" * 101, "antidisestablishmentarianism", "qzxj" * 20, "_snake_case_"),
        *("…—“quoted”", "«guillemets»", "e\u0301", "\u0301", "\x85next", "a\x0bb"),
    ],
)
def test_tokens_are_those_of_the_library(text: str) -> None:
    assert PIECES.tokenize(text) == library_tokens(text)


@given(st.text(CHARACTERS, max_size=30))
def test_tokens_of_any_text_are_those_of_the_library(text: str) -> None:
    assert PIECES.tokenize(text) == library_tokens(text)


@pytest.mark.parametrize("name", ["support_dev.tsv", "languages_dev.tsv", "medical_dev.tsv"])
def test_tokens_of_real_questions_are_those_of_the_library(name: str) -> None:
    assert_equal_tokens(real_data(f"pairs/{name}").read_text(encoding="utf-8").splitlines())


@pytest.mark.slow
def test_tokens_of_all_real_texts_are_those_of_the_library() -> None:
    for path in sorted(real_data(".").rglob("*.*")):
        if path.suffix in {".tsv", ".csv", ".jsonl", ".md", ".gz"}:
            content = path.read_bytes()
            text = gzip.decompress(content) if path.suffix == ".gz" else content
            assert_equal_tokens(text.decode().splitlines())


def assert_equal_tokens(texts: list[str]) -> None:
    expected = [each.ids for each in LIBRARY.encode_batch(texts, add_special_tokens=False)]
    different = [
        text for text, ids in zip(texts, expected, strict=True) if PIECES.tokenize(text) != ids
    ]
    assert different == []


@pytest.mark.parametrize("text", ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]"])
def test_special_tokens_in_a_text_are_words(text: str) -> None:
    """A question cannot end itself for the model."""
    assert min(PIECES.tokenize(text)) > UNKNOWN
    assert len(PIECES.tokenize(text)) > 2


def test_every_character_can_be_tokenized() -> None:
    assert PIECES.tokenize("".join(map(chr, range(0, sys.maxunicode, 17))))


def test_weights_are_those_of_the_library() -> None:
    ours = parse_safetensors((FOLDER / "model.safetensors").read_bytes())
    theirs = load_file(FOLDER / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "int64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_tensors_that_the_library_writes_are_read(dtype: str, shape: tuple[int, ...]) -> None:
    written = {"a": np.ones(shape, dtype), "b": np.full(shape, 7, dtype)}
    read = parse_safetensors(save(written, metadata={"format": "np"}))
    assert read.keys() == written.keys()
    for name, values in written.items():
        assert read[name].dtype == values.dtype
        assert np.array_equal(read[name], values)
