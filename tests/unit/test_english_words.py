"""The list of English words, and British spelling."""

import re

import pytest

from shared.text import english_words, sorted_lines
from shared.text.english_words import is_english_word
from shared.text.spelling import american_spelling


@pytest.mark.parametrize(
    "word", ["aahed", "zyzzyvas", "zebra", "nitrite", "leek", "colour", "color", "anna"]
)
def test_words_and_names_are_listed(word: str) -> None:
    assert is_english_word(word)


@pytest.mark.parametrize("word", ["pasword", "invioce", "zebr", "ebra", "aaaa", "zzzzzz", ""])
def test_slips_and_parts_of_words_are_not_listed(word: str) -> None:
    assert not is_english_word(word)


def test_every_listed_word_is_found() -> None:
    words = sorted_lines._load(english_words.FILE).decode("ascii").splitlines()
    assert all(map(is_english_word, [words[0], words[-1], *words[::97]]))


def test_list_is_sorted_and_has_lower_case_words_of_four_letters_or_more() -> None:
    words = sorted_lines._load(english_words.FILE).decode("ascii").splitlines()
    assert words == sorted(set(words))
    assert all(re.fullmatch("[a-z]{4,}", word) for word in words)


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("favourite", "favorite"),
        ("dishonoured", "dishonored"),
        ("centre", "center"),
        ("kilometres", "kilometers"),
        ("organisations", "organizations"),
        ("analysed", "analyzed"),
        ("licence", "license"),
        ("grey", "gray"),
    ],
)
def test_british_word_has_an_american_spelling(british: str, american: str) -> None:
    assert american_spelling(british) == american
    assert american_spelling(american) == american


@pytest.mark.parametrize(
    "word", ["four", "hour", "pour", "tour", "sour", "more", "there", "acre", "fence", "rise"]
)
def test_other_words_keep_their_spelling(word: str) -> None:
    assert american_spelling(word) == word
