"""Tags: their form, their limits, and which notes a question with tags searches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.tags import (
    join_tags,
    normalize_note_tags,
    normalize_question_tags,
    normalize_tag,
    searches,
    split_tags,
)


@pytest.mark.parametrize(
    ("tag", "normalized"),
    [
        ("Romans", "romans"),
        ("#romans", "romans"),
        ("  # Romans \n", "romans"),
        ("New\t Testament", "new testament"),
        ("RO\u0308MER", "römer"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("C#", "c#"),
        ("bible/Romans", "bible/romans"),
        ("a\0\ud800b", "a\ufffdb"),
        ("#", ""),
    ],
)
def test_spellings_of_a_tag_have_one_form(tag: str, normalized: str) -> None:
    assert normalize_tag(tag) == normalized


@given(st.text(st.characters(codec=None)))
def test_form_of_a_tag_is_final_and_has_no_line_break(tag: str) -> None:
    normalized = normalize_tag(tag)
    assert normalize_tag(normalized) == normalized
    assert len(normalized.splitlines()) <= 1
    normalized.encode()  # no lone surrogate


@given(st.lists(st.text()))
def test_order_and_repetitions_of_tags_do_not_matter(tags: list[str]) -> None:
    normalized = normalize_note_tags(tags)
    assert normalize_note_tags([*reversed(tags), *tags]) == normalized
    assert split_tags(join_tags(normalized)) == normalized


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([""], "tag 1 of the question is empty; omit tags to search all notes"),
        (["a", " # "], "tag 2 of the question is empty"),
        (["a", "secret" * 17], "tag 2 of the question has 102 characters; at most 100 are allowed"),
        (["a"] * 21, "the question names 21 tags; at most 20 are allowed"),
    ],
)
def test_invalid_tag_of_a_question_is_refused_without_its_text(
    tags: list[str], reason: str
) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        normalize_question_tags(tags)
    assert "secret" not in str(caught.value)


def test_question_searches_notes_that_have_one_of_its_tags() -> None:
    assert searches((), ())
    assert searches((), ("a",))
    assert searches(("a", "b"), ("b", "c"))
    assert not searches(("a", "b"), ("c",))
    assert not searches(("a",), ())
    assert not searches(("a",), ("a/b",))
