"""The extractive answerer with real embeddings."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from infra.local.minilm import MiniLMEmbedder
from shared.inference.quotations.extractive import ExtractiveAnswerer
from shared.inference.quotations.not_in_notes import not_in_notes
from shared.notes.note import Source
from shared.settings import Settings
from shared.vectors import Vector, canonical

FORGIVENESS = """\
# What forgiving is not

Forgiving someone does not mean pretending that nothing happened. On the other hand, it is no
mere feeling! See Matt. 18:21-35, where the servant forgets what he was let off.

- Short item
- We forgive because we have first been forgiven ourselves.
"""
BREAD = "We bought flour and salt at the market. The bread rises overnight in the cellar."
BEN = "+49 170 1234567\nben@example.com\nBirthday: 3 May"
PLANS = "| Plan | Price |\n|---|---|\n| Basic | 5 euros |\n| Pro | 9 euros |"
PROXY = "To restart the proxy:\n\n```sh\nsudo systemctl restart proxy\n```\nThen check the log."
GERMAN = "Der Feigenbaum ist klein. Wir schneiden den Birnbaum im M\u00e4rz."
JAPANESE = "\u4f1a\u8b70\u306f\u91d1\u66dc\u65e5\u3067\u3059\u3002\u6771\u4eac\u3067\u3059\u3002"
RAW = "---\na: b\n---\n**We prune** the [[Pear tree|pear]] in March.[^1] #garden ^abc12 %%x%%"


@pytest.fixture(scope="module")
def answerer() -> ExtractiveAnswerer:
    return ExtractiveAnswerer(MiniLMEmbedder())


def sources(*contents: str, title: str = "", similarity: float = 0.4) -> list[Source]:
    return [
        Source(f"c{n}", f"n{n}", content, similarity, title) for n, content in enumerate(contents)
    ]


async def test_answer_quotes_complete_sentences_with_their_sources(
    answerer: ExtractiveAnswerer,
) -> None:
    answer = await answerer.answer("Why do we forgive?", sources(BREAD, FORGIVENESS))
    assert "We forgive because we have first been forgiven ourselves. [2]" in answer.text
    assert 2 in answer.cited
    assert "bread" not in answer.text
    assert "#" not in answer.text
    assert (answer.cost, answer.prompt_tokens, answer.completion_tokens) == (0.0, None, None)


@pytest.mark.parametrize(
    ("question", "content", "title", "expected"),
    [
        ("What is Ben's phone number?", "555 1234", "Ben", "555 1234 [1]"),
        ("What is Ben's email address?", BEN, "Ben", "ben@example.com [1]"),
        ("When is Ben's birthday?", BEN, "Ben", "Birthday: 3 May [1]"),
        ("What is on the list?", "- milk\n- eggs", "Shopping list", "milk; eggs [1]"),
        ("How much does the Pro plan cost?", PLANS, "", "Plan: Pro; Price: 9 euros [1]"),
        ("How do I restart the proxy?", PROXY, "", "proxy: sudo systemctl restart proxy [1]"),
        ("When do we prune the pear?", RAW, "", "We prune the pear in March. #garden [1]"),
        ("What is the door code?", "Door code 4711", "", "Door code 4711 [1]"),
        ("Who is my dentist?", "My dentist is Dr. Weber.", "", "My dentist is Dr. Weber. [1]"),
        ("Wie hoch ist die Miete?", "Die Miete betr\u00e4gt 900 Euro.", "", "900 Euro. [1]"),
        ("Wann schneiden wir den Birnbaum?", GERMAN, "", "Birnbaum im M\u00e4rz. [1]"),
        (
            "\u4f1a\u8b70\u306f\u3044\u3064\u3067\u3059\u304b\uff1f",
            JAPANESE,
            "",
            f"{JAPANESE[:9]} [1]",
        ),
    ],
)
async def test_all_that_notes_hold_is_quoted(
    answerer: ExtractiveAnswerer, question: str, content: str, title: str, expected: str
) -> None:
    answer = await answerer.answer(question, sources(content, title=title))
    assert answer.text.endswith(expected)


@pytest.mark.parametrize(
    ("question", "content"),
    [
        ("Who was the father of King David?", BREAD),
        ("Who was the father of King David?", "# Only a heading"),
        ("Where is the meeting?", ""),
        ("When do we prune the pear?", GERMAN),
        ("When is the meeting?", JAPANESE),
        ("How much did the road bike cost?", "I bought a fairly expensive road bike."),
        ("How many people bake the bread?", "The bread needs 3 hours. We bake the bread."),
        ("Who is the head of finance?", "The head of finance is paid in January."),
        ("When do we bake the bread?", "We bake the bread in a steel pot."),
        ("What is the phone number of the hotline?", "Report it by calling the hotline."),
        ("Who preached on Hebrews 11?", "He preached on Hebrews 13 with a wooden chair."),
        (
            "Wie hei\u00dft der Hund von Anna?",
            "Die Miete betr\u00e4gt 900 Euro. Die Wohnung ist klein.",
        ),
    ],
)
async def test_text_without_the_answer_is_not_quoted(
    answerer: ExtractiveAnswerer, question: str, content: str
) -> None:
    answer = await answerer.answer(question, sources(content))
    assert answer.text == not_in_notes(question)


async def test_no_sources_answer_no_question(answerer: ExtractiveAnswerer) -> None:
    assert (await answerer.answer("Who is Ben?", [])).text == not_in_notes("Who is Ben?")


async def test_best_passage_is_shown_if_none_of_its_sentences_answers(
    answerer: ExtractiveAnswerer,
) -> None:
    passage = "We slept at the Hotel Adler in Vienna. It had thin walls. Three were enough."
    question = "How often did we sleep at the thin Hotel Adler in Vienna, and how much was enough?"
    answer = await answerer.answer(question, sources(passage, BREAD, similarity=0.6))
    assert (answer.text, answer.cited) == (f"{passage} [1]", (1,))


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


class FixedCosine:
    """Embeds texts so that the first one of a call has one cosine with all others."""

    model = "fixed"
    dimensions = 2

    def __init__(self, cosine: float) -> None:
        self._vector = np.array([cosine, math.sqrt(1 - cosine**2)])

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        rest = [canonical(self._vector) for _ in texts[1:]]
        return [canonical(np.array([1.0, 0.0])), *rest]


@pytest.mark.parametrize(
    ("cosine", "unrelated", "is_quoted"),
    [(0.85, 0.0, True), (0.85, 0.7, False), (0.95, 0.7, True), (0.5, 0.0, False)],
)
async def test_cosines_are_relative_to_that_of_unrelated_texts(
    cosine: float, unrelated: float, *, is_quoted: bool
) -> None:
    settings = Settings(unrelated_cosine=unrelated)
    answerer = ExtractiveAnswerer.of(FixedCosine(cosine), settings)
    answer = await answerer.answer("Is anything new?", sources("The fig tree grows slowly."))
    assert bool(answer.cited) == is_quoted


@pytest.mark.parametrize(("variable", "is_quoted"), [("true", True), ("false", False)])
async def test_only_a_multilingual_embedding_finds_other_words_of_another_language(
    variable: str, *, is_quoted: bool
) -> None:
    settings = Settings.from_env({"EMBEDDING_MULTILINGUAL": variable})
    answerer = ExtractiveAnswerer.of(FixedCosine(0.9), settings)
    vacation = sources("Alle haben im Jahr 25 freie Tage.")
    answer = await answerer.answer("Wie lang ist der Urlaub?", vacation)
    assert bool(answer.cited) == is_quoted
