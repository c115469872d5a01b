"""Which questions depend on the day."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.question import Question
from shared.text.relative_dates import depends_on_day
from tests.support.data import catechism_questions, varied_questions

_QUESTIONS = json.loads(Path(__file__).with_name("relative_dates.json").read_text("utf-8"))


@pytest.mark.parametrize("question", _QUESTIONS["dependent"])
def test_question_depends_on_the_day(question: str) -> None:
    assert Question.parse(question).day


@pytest.mark.parametrize("question", _QUESTIONS["independent"])
def test_question_does_not_depend_on_the_day(question: str) -> None:
    assert Question.parse(question).day is None


@given(st.text(max_size=60), st.sampled_from(["yesterday", "how old is", "in three days"]))
def test_words_around_do_not_hide_a_date(text: str, date: str) -> None:
    assert depends_on_day(f"{text} {date}")
    assert depends_on_day(f"{date} {text}")


@pytest.mark.parametrize(
    ("questions", "most"), [(catechism_questions, 0.03), (varied_questions, 0.16)]
)
def test_few_questions_depend_on_the_day(questions: Callable[[], list[str]], most: float) -> None:
    """Each of them is generated again on each day."""
    asked = questions()
    assert sum(map(depends_on_day, asked)) / len(asked) < most
