"""Parts of a text that a model writes: what is passed on is a beginning of the answer."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.inference.citations import CitationResolver, resolve_citations
from shared.inference.replies.reasoning import END_OF_REASONING, strip_reasoning
from shared.inference.replies.visible_text import VisibleText

PIECES = st.sampled_from(
    (
        "Faith",
        *(
            "is trust",
            ".",
            " ",
            "\n",
            "\t",
            "\u200b",
            "x < y",
            "<",
            ">",
            "<b>",
            "</b>",
            "a",
            "final",
        ),
        *(
            "<think>",
            "</think>",
            "<think",
            "ing>",
            "<reasoning a=1>",
            "[THINK]",
            "[/THINK]",
            "[think",
        ),
        *("analysis", "The user", "assistantfinal", "commentary", "<|channel|>", "<|message|>"),
        *("final<|message|>", "<|end|>", "<|im_end|>", "</s>", "[INST]", "[/INST]", "<answer>"),
        *(
            "</answer>",
            "`",
            "```",
            '"',
            "\u25c1think\u25b7",
            "\u25c1/think\u25b7",
            "- ",
            "|",
            " is a tag",
        ),
        *("<|start|>assistant", "<think/>", "<tool_call>", "[", "]", "[1]", "[Faith](x)", "\u2019"),
    )
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
CITING = st.lists(
    st.sampled_from(
        (
            *(
                "so",
                "row",
                " ",
                "  ",
                "\n",
                "`",
                "``",
                "```",
                "[",
                "]",
                "[1]",
                "[2]",
                "[9]",
                "[1, 7]",
            ),
            *(
                "[1-9]",
                "(",
                ")",
                "](",
                "[a]",
                "1",
                "7",
                ",",
                "-",
                "\u2013",
                "x" * 81,
                "[99999]",
                "[",
            ),
        )
    ),
    max_size=14,
).map("".join)


def divide(text: str, cuts: list[int]) -> list[str]:
    """Divide a text at these places."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(places)]


CUTS = st.lists(st.integers(0, 400), max_size=40)


@given(text=TEXTS, cuts=CUTS, holds=st.booleans())
@example(text="</think> Faith.", cuts=list(range(12)), holds=True)
@example(text="<think>a</think>\n[1] Faith", cuts=list(range(30)), holds=False)
def test_parts_are_a_beginning_of_the_answer(text: str, cuts: list[int], *, holds: bool) -> None:
    visible = VisibleText(hold_until_closing_tag=holds)
    parts = [visible.feed(part) for part in divide(text, cuts)]
    assert "".join(parts) == visible.returned
    answer = strip_reasoning(text)
    if answer and not answer.startswith(visible.returned):
        # Only what follows what was passed on can make it reasoning.
        start = text.index(visible.returned)
        assert END_OF_REASONING.search(text, start + len(visible.returned))


@given(TEXTS, CUTS)
def test_text_without_tags_is_passed_on_but_for_its_end(text: str, cuts: list[int]) -> None:
    plain = "Faith " + "".join(each for each in text if each not in "<[\u25c1")
    visible = VisibleText()
    for part in divide(plain, cuts):
        visible.feed(part)
    visible.feed(" It is so.")
    assert visible.returned == strip_reasoning(plain + " It is so.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Faith is trust [1].", "Faith is trust [1]."),
        ("[1] Faith is trust.", "[1] Faith is trust."),
        ("If x < 5 and y > 2.", "If x < 5 and y > 2."),
        ("<think>The user asks.</think>\n\nFaith is trust.", "Faith is trust."),
        ("The user asks.</think>\n\nFaith is trust.", "The user asks."),
        ("[THINK]He asks.[/THINK]Faith is trust.", "Faith is trust."),
        ("analysisHe asks.assistantfinalFaith is trust.", "Faith is trust."),
        ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
         "Yes."),
        ("Faith is trust.<|im_end|>", "Faith is trust."),
        ("Use the <think> tag, then stop.", "Use the"),
    ],
)  # fmt: skip
def test_text_is_passed_on_as_soon_as_it_is_certain(text: str, expected: str) -> None:
    visible = VisibleText()
    for character in text:
        visible.feed(character)
    assert visible.returned == expected


def test_reasoning_without_an_opening_tag_is_held_back() -> None:
    visible = VisibleText(hold_until_closing_tag=True)
    text = "The user asks about faith.</think>\n\nFaith is trust."
    assert "".join(map(visible.feed, text)) == "Faith is trust."


@given(CITING, CUTS)
def test_citations_do_not_depend_on_the_parts(text: str, cuts: list[int]) -> None:
    passages = ["It is row[7] in the table."] * 3
    expected, cited = resolve_citations(text, passages, own=frozenset({2}))
    resolver = CitationResolver(passages, own=frozenset({2}))
    parts = [resolver.feed(part) for part in divide(text, cuts)]
    assert expected == "".join([*parts, resolver.finish()])
    assert resolver.cited == cited


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("So it is[7]", "So it is"),
        ("So [7", "So"),
        ("So `x", "So "),
        ("So row[", "So row"),
        ("So [1, ", "So"),
        ("So it", "So it"),
    ],
)
def test_possible_citation_is_held_back(text: str, passed: str) -> None:
    assert CitationResolver(["One."]).feed(text) == passed
