"""The language of a text, and the answer to a question that the notes do not answer."""

import pytest

from shared.inference.quotations.not_in_notes import finds_nothing, not_in_notes
from shared.text.languages import are_english, detect_language

QUESTIONS = {
    "en": "Who is Ben?",
    "de": "Wann ist die Sitzung?",
    "fr": "Quand est la r\u00e9union ?",
    "es": "\u00bfCu\u00e1ndo es la reuni\u00f3n?",
    "it": "Quando \u00e8 la riunione?",
    "pt": "Quando \u00e9 a reuni\u00e3o?",
    "nl": "Wanneer is de vergadering?",
    "sv": "N\u00e4r \u00e4r m\u00f6tet?",
    "da": "Hvorn\u00e5r er m\u00f8det?",
    "pl": "Kiedy jest spotkanie?",
    "cs": "Kdy je sch\u016fzka?",
    "tr": "Toplant\u0131 ne zaman?",
    "ru": "\u041a\u043e\u0433\u0434\u0430 \u0432\u0441\u0442\u0440\u0435\u0447\u0430 Google?",
    "ja": "\u4f1a\u8b70\u306f\u3044\u3064\u3067\u3059\u304b\uff1f",
    "zh": "\u4f1a\u8bae\u662f\u4ec0\u4e48\u65f6\u5019\uff1f",
    "ko": "\ud68c\uc758\ub294 \uc5b8\uc81c\uc785\ub2c8\uae4c?",
    "ar": "\u0645\u062a\u0649 \u0627\u0644\u0627\u062c\u062a\u0645\u0627\u0639\u061f",
    "hi": "\u092c\u0948\u0920\u0915 \u0915\u092c \u0939\u0948?",
}


@pytest.mark.parametrize(("language", "question"), QUESTIONS.items())
def test_language_of_a_question_is_detected(language: str, question: str) -> None:
    assert detect_language(question) == language


def test_answer_that_finds_nothing_is_in_the_question_s_language() -> None:
    answers = {not_in_notes(question) for question in QUESTIONS.values()}
    assert len(answers) == len(QUESTIONS)
    assert all(map(finds_nothing, answers))
    assert not finds_nothing("Ben is my brother. [1]")


@pytest.mark.parametrize("text", ["", "Ben", "42?", "xyz qqq"])
def test_answer_is_in_english_if_the_language_is_not_known(text: str) -> None:
    assert detect_language(text) == ""
    assert not_in_notes(text) == "I couldn't find that in your notes."


@pytest.mark.parametrize(
    "text",
    [
        "Is Anna ill?",
        "Has Anna a car?",
        "Is God just?",
        "Cancel my subscription",
        "What is in it?",
        "Am I late?",
        "Who paid?",
        "Is my knee worse?",
    ],
)
def test_short_question_is_english(text: str) -> None:
    assert are_english(text, text)


@pytest.mark.parametrize(
    "text",
    [
        "Har vi to barn?",
        "Kj\u00f8pte Anna to biler?",
        "Is Anna in Rome?",
        "Was of is het warm?",
        "War die Hand warm?",
        "Am Montag war ich in Wien",
        "Has sido real?",
        "On a son chat ?",
        "Ben on son?",
        "Hol van a h\u00e1z?",
        "",
    ],
)
def test_words_of_another_language_are_not_english(text: str) -> None:
    assert not are_english(text, text)
