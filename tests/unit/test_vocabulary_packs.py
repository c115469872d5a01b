"""The optional vocabulary for matching and chunking."""

import pytest

from shared.container import Container
from shared.matching.decision import decide
from shared.settings import Settings
from shared.text.bible_english import modernize
from shared.text.stemming import stem
from shared.text.vocabulary_packs import DEFAULT_PACKS, load_packs
from tests.support.chunks import split

_PLAIN = load_packs("none")


def test_the_bible_pack_is_on_by_default() -> None:
    assert Container(Settings()).vocabulary_packs == DEFAULT_PACKS == load_packs("bible")
    assert Container(Settings(vocabulary_packs="none")).vocabulary_packs == () == _PLAIN


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What does 1 Cor 13 teach?", "What does First Corinthians 13 teach?"),
        ("What doth God require of thee?", "What does God require of you?"),
        ("What does the word of God say about sin?", "What does the Bible say about sin?"),
        ("What did Christ teach?", "What did Jesus teach?"),
        ("Wherefore did God send the flood?", "Why did God send the flood?"),
        ("What is the work of the Holy Ghost?", "What is the work of the Holy Spirit?"),
        ("Who spake to Moses?", "Who spoke to Moses?"),
        ("What did Joseph shew his brethren?", "What did Joseph show his brothers?"),
        ("Wherein consists true repentance?", "What is true repentance?"),
        ("Into what estate did Adam fall?", "Into what state did Adam fall?"),
        ("What is the estate wherein man was made?", "What is the state wherein man was made?"),
        ("What are the duties required in this law?", "What is required in this law?"),
        ("What are the sins forbidden in this law?", "What is forbidden in this law?"),
        ("What does this parable teach us?", "What does this parable teach?"),
        ("What does Psalm 23 teach us?", "What does Psalm 23 teach?"),
    ],
)
def test_the_bible_pack_matches_what_plain_english_does_not(a: str, b: str) -> None:
    assert decide(a, b).is_match
    assert not decide(a, b, _PLAIN).is_match


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What did I write about the estate?", "What did I write about the state?"),
        ("What did Anna teach us?", "What did Anna teach?"),
        ("What does Psalm 23 teach us?", "What does Psalm 23 teach me?"),
        ("What are the duties required in this law?", "What are the sins forbidden in this law?"),
        ("What is the misery of that state?", "Wherein consists the sinfulness of that state?"),
    ],
)
def test_the_bible_pack_rewrites_no_word_in_its_modern_sense(a: str, b: str) -> None:
    assert not decide(a, b).is_match


def test_references_differ_only_with_the_bible_pack() -> None:
    a, b = "What does 1 Cor 13 teach?", "What does 2 Cor 13 teach?"
    assert "bible_references" in {name for name, why in decide(a, b).rejections.items() if why}
    assert decide(a, b, _PLAIN).rejections["bible_references"] is None
    assert not decide(a, b, _PLAIN).is_match, "the numbers differ in plain English too"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What is faith?", "Define faith."),
        ("What are the three offices?", "What are the 3 offices?"),
        ("How can I learn Greek?", "What is the best way to learn Greek?"),
        ("How do I get from Rome to Corinth?", "How do I get to Rome from Corinth?"),
    ],
)
def test_plain_questions_are_decided_alike_without_the_pack(a: str, b: str) -> None:
    assert decide(a, b) == decide(a, b, _PLAIN)


def test_a_chunk_never_ends_within_a_reference_unless_the_pack_is_off() -> None:
    text = "here he wrote about love in 1 Corinthians 13:4 and in other places"
    chunks = split(text, max_words=7, overlap_words=0)
    assert chunks[:2] == ["here he wrote about love in", "1 Corinthians 13:4 and in other places"]
    chunks = split(text, max_words=7, overlap_words=0, packs=_PLAIN)
    assert chunks[0] == "here he wrote about love in 1"


@pytest.mark.parametrize(
    ("archaic", "modern"),
    [
        ("requireth", "requires"),
        ("teacheth", "teaches"),
        ("sitteth", "sits"),
        ("prayeth", "prays"),
        ("maketh", "makes"),
        ("believeth", "believes"),
    ],
)
def test_archaic_verbs_have_the_stem_of_the_modern_form(archaic: str, modern: str) -> None:
    assert stem(modernize(archaic)) == stem(modern)


@pytest.mark.parametrize("word", ["seth", "teeth", "kenneth", "twentieth", "art"])
def test_modern_words_are_not_rewritten(word: str) -> None:
    assert modernize(word) == word
