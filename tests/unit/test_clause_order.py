"""The clause that begins a question is moved to its end."""

import pytest

from shared.matching.tokens.clause_order import move_clause


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("When it rains, what do I wear?", "What do I wear when it rains?"),
        ("According to Ann, why did Rome fall?", "Why did Rome fall according to Ann?"),
        ("if Ben calls, should I answer", "Should I answer if Ben calls"),
    ],
)
def test_first_clause_is_moved(text: str, moved: str) -> None:
    assert move_clause(text) == moved


@pytest.mark.parametrize(
    "text",
    [
        "When did Ann leave, what time was it?",  # a question of its own
        "Before Ann, Ben and Clara spoke",
        "If it rains, or if it snows, what do I wear?",
        "What do I wear when it rains?",
        "",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert move_clause(text) == text
