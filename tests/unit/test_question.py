"""Which texts are one question, and which are different questions."""

import time
import unicodedata

import pytest

from shared.errors import InvalidRequestError
from shared.question import CUT_CHARACTERS, CUT_WORDS, MAX_CHARACTERS, Question, normalise
from tests.support.fuzzing.hostile_values import HEAVY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is faith?", "what is  FAITH"),
        ("What is “faith”?", 'what is "faith"'),
        ("What is self-control?", "what is self control"),
        ("Who is God's friend?", "who is God\u2019s friend"),  # a typographic apostrophe
        ("Was sagt Stra\u00dfe?", "was sagt STRASSE"),
        ("verses 3\u20135", "verses 3-5"),  # an en dash
        ("John 3 : 16", "john 3:16"),
        ("\uff17 years", "7 years"),  # a full-width digit
        ("What\u200b is\u202e faith\u00a0?", "what is faith"),  # invisible marks
        ("Cafe\u0301", "caf\u00e9"),
    ],
)
def test_spellings_of_one_question_share_a_normal_form(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John 3:16", "John 31:6"),
        ("John 3:16", "John 316"),
        ("1 John 4", "1 John 4:8"),
        ("John 3:16", "John 3:16-18"),
        ("What is 3.5?", "What is 35?"),
        ("What is -5?", "What is 5?"),
        ("Were we there?", "We're we there?"),
        ("Will he'll", "Will hell"),
        ("What is C++?", "What is C?"),
        ("What is x < 5?", "What is x > 5?"),
        ("What is 50%?", "What is 50?"),
        ("What is x\u00b2?", "What is x2?"),
        ("What is 1\u00bd?", "What is 11/2?"),
        ("What is forbidden?", "What is required?"),
    ],
)
def test_different_questions_have_different_normal_forms(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize("text", ["", "   ", "?!", "...", "\u200b", "-", "'", "+"])
def test_question_without_letter_or_digit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="letter or digit"):
        Question.parse(text)


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="surrogate"):
        Question.parse("What is \ud83d?")


def test_question_up_to_500_characters_is_not_cut() -> None:
    text = ("faith " * 100)[:500].strip()
    assert Question.parse(text) == Question(text, text, truncated=False)


def test_longer_question_is_cut_to_150_words() -> None:
    question = Question.parse("faith " * 400)
    assert question.truncated
    assert question.asked.split() == ["faith"] * CUT_WORDS


@pytest.mark.parametrize("character", ["x", "\u795e", "\ufdfa", "\u00bd", "\u2167", "'x"])
def test_long_normal_form_of_one_word_is_cut(
    character: str,
) -> None:
    question = Question.parse(character * (MAX_CHARACTERS // len(character)))
    assert CUT_CHARACTERS - 2 <= len(question.normal) <= CUT_CHARACTERS
    assert question.truncated


def test_short_question_with_a_long_normal_form_is_cut() -> None:
    assert Question.parse("\ufdfa" * 500).truncated
    assert not Question.parse("\ufdfa" * 100).truncated


def test_text_after_the_cut_does_not_change_the_question() -> None:
    one, other = ("x" * CUT_CHARACTERS + end for end in ("y", " What is faith?"))
    assert Question.parse(one).normal == Question.parse(other).normal
    assert Question.parse(one).normal != Question.parse("y" + one).normal


@pytest.mark.parametrize("end", ["y'", "y", "1:1", " x", "e\u0301"])
def test_cut_normal_form_is_idempotent_at_every_cut(end: str) -> None:
    for length in range(CUT_CHARACTERS - 4, CUT_CHARACTERS + 1):
        normal = normalise("x" * length + end * 3)
        assert normalise(normal) == normal


@pytest.mark.parametrize("text", HEAVY, ids=lambda text: f"{ord(text[0]):04x}")
@pytest.mark.no_cover
def test_normalise_takes_linear_time(text: str) -> None:
    """A quadratic pattern would need minutes for this."""
    begin = time.process_time()
    normalise((text * 100_000)[:100_000])
    assert time.process_time() - begin < 10


def test_marks_are_sorted_in_canonical_order() -> None:
    marks = [
        each
        for each in map(chr, [*range(0xD800), *range(0xE000, 0x20000)])
        if unicodedata.combining(unicodedata.normalize("NFKD", each)[0])
    ]
    assert len(marks) > 800
    for text in ("a" + "".join(marks[::-1]), "a" + "".join(marks)):
        expected = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        assert normalise(text) == expected.replace("\u034f", "")


def test_question_over_the_limit_is_refused() -> None:
    Question.parse("x" * MAX_CHARACTERS)
    with pytest.raises(InvalidRequestError, match="at most 4,000"):
        Question.parse("x" * (MAX_CHARACTERS + 1))
