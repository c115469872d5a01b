"""Reduction of Markdown on random and hostile texts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notes.files.markdown import parse_markdown
from tests.support.growth import assert_linear

_PIECES = (
    "word|two words| |\n|\n\n|`|``|```|```\n|~~~\n|[[|]]|[[Page]]|![[a.png]]|%%|<!--|-->|<b>|</b>"
    "|<br>|<a href='x'>|</a>|<script>|</script>|$|$$|^abc123\n|\\|> [!note] |> |- |1. |# |id:: x\n"
    "|key:: x\n|---\n|title: x\n|    |\t|\r|\r\n|\0|\ud800|\u00e9|\u5b57|\u2028|((|{{embed |}}|==\n"
)
_HOSTILE_PIECES = (
    "[[a|<a |<a x='|<a x=\"\" |<a href='' |<b\n|%% a\n|` \n\n|$$\n\n|a\n\n    a\n|:LOGBOOK:\n"
    "|CLOCK: \n|a\n==|---\na: [|a: {|- - |*a|**_| ^|{{embed [[|> [!a|a: &a\n|? "
)
PIECES = _PIECES.split("|")
HOSTILE = [piece for piece in PIECES if piece.strip()] + _HOSTILE_PIECES.split("|") + ["|<br>"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join)
WORDS = st.text("abcdefghij klmno.é字,;", max_size=60)
CODE = st.lists(st.sampled_from([piece for piece in PIECES if "`" not in piece]), max_size=15).map(
    "".join
)
CODE_LINES = CODE.map(lambda code: re.sub("[\0\ud800]", "", re.sub("\r\n?", "\n", code)))


@given(TEXTS)
def test_no_text_raises_and_the_result_can_be_stored(text: str) -> None:
    title, reduced, _ = parse_markdown(text)
    assert "\n" not in title
    assert not re.search("[\0\r\ud800-\udfff]", title + reduced)


@given(st.text())
def test_text_of_random_characters_does_not_raise(text: str) -> None:
    parse_markdown(text)


@given(WORDS, CODE_LINES, WORDS)
def test_fenced_code_is_unchanged(before: str, code: str, after: str) -> None:
    block = f"```\n{code}\n```\n"
    assert block in parse_markdown(f"{before}\n{block}%%x%%\n{after}").text


@given(WORDS, CODE_LINES.map(lambda code: " ".join(code.split())), WORDS)
def test_inline_code_is_unchanged(before: str, code: str, after: str) -> None:
    assert f"`x{code}x`" in parse_markdown(f"{before} `x{code}x` {after} <!-- y -->").text


LINES = ["# Heading", "text", "- item", "[[a|b]]", "%%c%%", "> [!tip] d", "x ^abc123", "id:: f", ""]


@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_reduction_of_well_formed_lines_is_idempotent(lines: list[str]) -> None:
    once = parse_markdown("\n".join(lines))
    assert parse_markdown(once.text) == once


@given(st.lists(WORDS.filter(str.strip), min_size=1, max_size=8), st.randoms())
def test_words_outside_markup_are_kept_in_order(words: list[str], random: object) -> None:
    markup = ["%%hidden%%", "<!-- hidden -->", "<br>", " ^abc123\n", "\nid:: hidden\n", "[[x]]"]
    choose = random.choice  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    source = "".join(f" {word} {choose(markup)}" for word in words)
    kept = parse_markdown(source).text
    assert "hidden" not in kept
    assert kept.replace("x", "").split() == " ".join(words).split()


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "---\n"])
@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_the_length_of_hostile_text(piece: str, prefix: str) -> None:
    assert_linear(lambda text: parse_markdown(prefix + text), piece, 50_000)


@pytest.mark.slow
def test_time_is_linear_for_code_delimiters_of_every_length() -> None:
    delimiters = " ".join("`" * length for length in range(1, 300))
    assert_linear(parse_markdown, delimiters, 8 * len(delimiters))
