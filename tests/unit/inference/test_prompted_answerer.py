"""What becomes of the text that a model wrote."""

import re
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InferenceError
from shared.inference.citations import resolve_citations
from shared.inference.ports import ChatMessage, Completion
from shared.inference.prompt import build_answer_messages, fit_passages
from shared.inference.prompted_answerer import PromptedAnswerer
from shared.notes.note import Source


def source(content: str, number: int = 1) -> Source:
    return Source(chunk_id=f"c{number}", note_id="n", content=content, similarity=0.5)


def sources(*contents: str) -> list[Source]:
    return [source(content, number) for number, content in enumerate(contents, start=1)]


@pytest.mark.parametrize(
    ("answer", "expected", "cited"),
    [
        ("So it is [1].", "So it is [1].", (1,)),
        ("So it is.", "So it is.", ()),
        ("So it is [1][2] [3].", "So it is [1][2].", (1, 2)),
        ("So it is [1, 7].", "So it is [1].", (1,)),
        ("So it is [2; 1].", "So it is [2; 1].", (1, 2)),
        ("So it is [2; 2], as said [2].", "So it is [2; 2], as said [2].", (2,)),
        ("So it is [0] [-1] [99999].", "So it is [-1] [99999].", ()),
        ("[9] So it is", " So it is", ()),
        ("One.\n[9] Two.", "One.\n Two.", ()),
        ("So [sic] it is in [a1].", "So [sic] it is in [a1].", ()),
        ("Use print(arr[0], arr[12]).", "Use print(arr[0], arr[12]).", ()),
        ("It is names[7], List<String> or x < 5.", "It is names[7], List<String> or x < 5.", ()),
        ("It is m[0][9] or f(x)[9].", "It is m[0][9] or f(x)[9].", ()),
        ("It is row[1] and m[1][2].", "It is row[1] and m[1][2].", ()),
        ("So it is[1], or so[1-2].", "So it is[1], or so[1-2].", (1, 2)),
        ("Use `x = [9]` [9].", "Use `x = [9]`.", ()),
        ("Use `x = [1]` or ```[2]```.", "Use `x = [1]` or ```[2]```.", ()),
        ("```\nx = [9]\n``` [9]", "```\nx = [9]\n```", ()),
        ("As of [2023] [404].", "As of [2023] [404].", ()),
        ("See [9](https://x.org).", "See [9](https://x.org).", ()),
        ("See [1](https://x.org).", "See [1](https://x.org).", ()),
        ("So it is [1-7].", "So it is [1-2].", (1, 2)),
        ("So it is [1\u20132].", "So it is [1\u20132].", (1, 2)),
        ("So it is [2-7, 9].", "So it is [2].", (2,)),
        ("So it is [3-7].", "So it is.", ()),
        ("So it is [2-1].", "So it is.", ()),
    ],
)
def test_citations_are_found_and_those_of_missing_passages_are_removed(
    answer: str, expected: str, cited: tuple[int, ...]
) -> None:
    passages = ["It is row[1] in the table.", "It is m[1][2]."]
    assert resolve_citations(answer, passages) == (expected, cited)


@pytest.mark.parametrize(
    ("answer", "expected", "cited"),
    [
        ("As in [2], it is so [4][5].", "As in [2], it is so [1][2].", (1, 2)),
        ("It is so[4], see [4-5] and [4, 9].", "It is so[1], see [1-2] and [1].", (1, 2)),
        ("As in [2], [3] and [2-3].", "As in [2], [3] and [2-3].", ()),
        ("It is so [1-7].", "It is so [1-2].", (1, 2)),
        ("It is so [5, 2].", "It is so [2].", (2,)),
        ("It is so [1].", "It is so.", ()),
        ("It is row[4] and so[5].", "It is row[4] and so[2].", (2,)),
    ],
)
def test_bracketed_number_of_a_note_is_no_citation(
    answer: str, expected: str, cited: tuple[int, ...]
) -> None:
    passages = ["See [2] and row[4].", "See [3]."]
    own = frozenset({2, 3})
    assert resolve_citations(answer, passages, first=4, own=own) == (expected, cited)


@given(
    st.lists(st.sampled_from(["[1]", "[2]", "[4]", "[5]", "[1-9]", "[3, 5]", "so", "so[5]", " "])),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_every_citation_left_is_of_a_source(parts: list[str], first: int, passages: int) -> None:
    """Each number in brackets is a position of a passage, and is reported as cited."""
    text, cited = resolve_citations(" ".join(parts), ["Text."] * passages, first=first)
    shown = {int(number) for number in re.findall(r"\d+", re.sub(r"so\[\d+\]", "", text))}
    assert shown <= set(cited) <= set(range(1, passages + 1))


class Scripted:
    """A language model with a fixed answer that records its calls."""

    model = "scripted"

    def __init__(self, text: str) -> None:
        self.text = text
        self.calls: list[tuple[Sequence[ChatMessage], int]] = []

    async def complete(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, **_: object
    ) -> Completion:
        self.calls.append((messages, max_tokens))
        return Completion(text=self.text, model=self.model, prompt_tokens=7, cost=0.5)


async def test_answer_is_stripped_and_has_the_cost_of_the_completion() -> None:
    chat = Scripted("\n Ruth [1], Boaz [2]. [3]\n")
    answerer = PromptedAnswerer(chat, context_tokens=1200, answer_tokens=64)
    found = sources("Ruth came.", "Boaz saw.")
    answer = await answerer.answer("Who?", found)
    assert answer == Completion(
        text="Ruth [1], Boaz [2].", model="scripted", prompt_tokens=7, cost=0.5, cited=(1, 2)
    )
    assert chat.calls == [(build_answer_messages("Who?", fit_passages(found, 1200)), 64)]


async def test_citation_of_a_passage_that_was_not_sent_is_removed() -> None:
    answerer = PromptedAnswerer(Scripted("Yes [1][2]."), context_tokens=100, answer_tokens=64)
    answer = await answerer.answer("Who?", sources("word " * 500, "unseen"))
    assert answer.text == "Yes [1]."


async def test_number_of_a_note_in_brackets_remains() -> None:
    answerer = PromptedAnswerer(Scripted("See [2] of it [3][8]."), 1_200, 64)
    answer = await answerer.answer("Who?", sources("See [2].", "unseen"))
    assert (answer.text, answer.cited) == ("See [2] of it [1].", (1,))


async def test_prompt_has_the_date_if_it_is_given() -> None:
    chat = Scripted("Ruth [1].")
    found = sources("Ruth came on Sunday.")
    answerer = PromptedAnswerer(chat, 1_200, 64)
    await answerer.answer("Who came yesterday?", found, today=date(2026, 11, 23))
    ((messages, _),) = chat.calls
    assert "\nToday is Monday, 2026-11-23." in messages[0].content


async def test_answer_with_nothing_but_false_citations_is_an_error() -> None:
    answerer = PromptedAnswerer(Scripted("[8] [9]"), context_tokens=1200, answer_tokens=64)
    with pytest.raises(InferenceError, match="nothing but false citations"):
        await answerer.answer("Who?", sources("Ruth came."))


async def test_empty_answer_is_an_error() -> None:
    """Of this question only: the error is raised outside of the circuit breaker."""
    with pytest.raises(InferenceError, match="scripted sent an empty message"):
        await PromptedAnswerer(Scripted(" \n"), 1_200, 512).answer("what", sources("A passage."))
