"""The extractive answerer with real embeddings."""

import pytest

from infra.local.minilm import MiniLMEmbedder
from shared.inference.extractive import NOT_IN_NOTES, ExtractiveAnswerer
from shared.notes.note import Source

FORGIVENESS = """\
# What forgiving is not

Forgiving someone does not mean pretending that nothing happened. On the other hand, it is no
mere feeling! See Matt. 18:21-35, where the servant forgets what he was let off.

- Short item
- We forgive because we have first been forgiven ourselves.
"""
BREAD = "We bought flour and salt at the market. The bread rises overnight in the cellar."


@pytest.fixture(scope="module")
def answerer() -> ExtractiveAnswerer:
    return ExtractiveAnswerer(MiniLMEmbedder())


def sources(*contents: str) -> list[Source]:
    return [Source(f"c{n}", f"n{n}", content, 0.5) for n, content in enumerate(contents)]


async def test_answer_quotes_complete_sentences_with_their_sources(
    answerer: ExtractiveAnswerer,
) -> None:
    answer = await answerer.answer("Why do we forgive?", sources(BREAD, FORGIVENESS))
    assert answer.text.startswith("We forgive because we have first been forgiven ourselves. [2]")
    assert answer.cited == (2,)
    assert "bread" not in answer.text
    assert "#" not in answer.text
    assert (answer.cost, answer.prompt_tokens, answer.completion_tokens) == (0.0, None, None)


async def test_answer_says_that_the_notes_do_not_answer_the_question(
    answerer: ExtractiveAnswerer,
) -> None:
    for found in ([], sources(BREAD), sources("# Only a heading")):
        answer = await answerer.answer("Who was the father of King David?", found)
        assert (answer.text, answer.cited) == (NOT_IN_NOTES, ())


async def test_sentence_in_two_passages_is_quoted_once_with_the_first(
    answerer: ExtractiveAnswerer,
) -> None:
    answer = await answerer.answer("Where does the bread rise?", sources(BREAD, BREAD))
    assert answer.text == "The bread rises overnight in the cellar. [1]"


async def test_bible_reference_does_not_end_a_sentence(answerer: ExtractiveAnswerer) -> None:
    answer = await answerer.answer("Where did the servant forget?", sources(FORGIVENESS))
    assert "See Matt. 18:21-35, where the servant forgets what he was let off. [1]" in answer.text


async def test_same_input_gives_the_same_answer(answerer: ExtractiveAnswerer) -> None:
    first = await answerer.answer("What is forgiving?", sources(FORGIVENESS, BREAD))
    again = ExtractiveAnswerer(MiniLMEmbedder())
    assert await again.answer("What is forgiving?", sources(FORGIVENESS, BREAD)) == first
