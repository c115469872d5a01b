"""MiniLM embeds every chunk whole: no token of a note is lost, in any script."""

import csv
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.notes.chunking.split import ChunkLimits, split_note
from shared.notes.files.markdown import parse_markdown
from tests.support.data import devotionals, real_data
from tests.support.minilm_tokens import MAX_TOKENS, count_tokens

ROOT = Path(__file__).resolve().parents[2]


def test_no_token_of_real_notes_is_lost() -> None:
    notes = [(note["title"], note["text"]) for note in devotionals()[::6]]
    files = [
        *real_data("notes/vault").rglob("*.md"),
        *sorted(real_data("notes/sermons").glob("*.md"))[::5],
    ]
    notes += [(file.stem, parse_markdown(file.read_text("utf-8")).text) for file in files]
    for title, text in notes:
        embedded = [passage.embedded for passage in split_note(title, text, ChunkLimits())]
        assert max(count_tokens(embedded), default=0) <= MAX_TOKENS, title


def test_no_token_is_lost_in_20_languages() -> None:
    by_language: dict[str, list[str]] = {}
    with real_data("pairs/languages_dev.tsv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
            by_language.setdefault(row["language"], []).extend([row["a"], row["b"]])
    assert len(by_language) > 15
    for language, sentences in by_language.items():
        for text in (" ".join(sentences * 9), "".join(" ".join(sentences * 9).split())):
            embedded = [each.embedded for each in split_note(sentences[0], text, ChunkLimits())]
            assert max(count_tokens(embedded)) <= MAX_TOKENS, language


def _unusual_texts() -> Iterator[str]:
    chance = random.Random(5)
    for alphabet in (string.digits, string.ascii_lowercase, string.hexdigits, string.printable):
        for length in (1, 5, 15, 39, 99):
            yield " ".join("".join(chance.choices(alphabet, k=length)) for _ in range(200))
    for file in ("uv.lock", "README.md", "template.yaml", "shared/container.py"):
        text = (ROOT / file).read_text("utf-8")[:60_000]
        yield from (text, f"```yaml\n{text.replace('```', '')}\n```")
        yield "\n".join(f"| {' | '.join(line.split())} |" for line in text.splitlines())
    for character in "\uac00\u0e01\u0e31\u0915\u0301\u4e00\U0001f600\ufb01\u0130\u2026":
        yield from (character * 3_000, f"{character} " * 3_000)


@pytest.mark.parametrize("tokens", [MAX_TOKENS, pytest.param(64, marks=pytest.mark.slow)])
def test_no_token_of_unusual_texts_is_lost(tokens: int) -> None:
    for text in _unusual_texts():
        limits = ChunkLimits(tokens=tokens)
        embedded = [each.embedded for each in split_note("A title", text, limits)]
        assert max(count_tokens(embedded)) <= tokens, text[:80]
