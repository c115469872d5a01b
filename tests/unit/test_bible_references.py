"""Tests of finding references to the Bible."""

import pytest

from shared.text.bible_references import find_bible_references
from shared.text.canonical_form import canonical_form

_SAME = [
    ["1 Cor 13", "First Corinthians 13", "I Cor. 13", "1st Corinthians 13", "1cor 13"],
    ["John 3:16", "John chapter 3 verse 16", "Jn 3.16", "John iii. 16", "john 3 16", "Jn. 3 v. 16"],
    ["John 3:16", "chapter 3 verse 16 of John", "verse 16 of John 3", "the gospel of John 3:16"],
    ["Psalm 23", "Ps. 23", "Psalms 23", "the 23rd Psalm", "the twenty-third psalm", "Psalm xxiii"],
    ["1 Cor 13:4-7", "verses 4 to 7 of chapter 13 of I Corinthians", "1 Corinthians 13:4\u20137"],
    ["Song of Solomon 2", "Song of Songs 2", "Canticles 2"],
    ["Acts 2", "Acts of the Apostles 2", "the book of Acts, chapter 2"],
    ["Jude 5", "Jude 1:5", "Jude verse 5"],
    ["2 Timothy 3:16", "II Tim. 3:16", "Second Timothy 3:16", "2nd Tim 3 verse 16"],
    ["1 John", "First Epistle of John", "1st John"],
]

_PASSAGES = [
    ("2 Corinthians 13", [("2 Corinthians", 13, None, None, None)]),
    ("John 3:16, 18", [("John", 3, 16, None, None), ("John", 3, 18, None, None)]),
    ("Rom 8:28-30; 9:1", [("Romans", 8, 28, 8, 30), ("Romans", 9, 1, None, None)]),
    ("Genesis 1:1-2:3", [("Genesis", 1, 1, 2, 3)]),
    ("Matthew 5 to 7", [("Matthew", 5, None, 7, None)]),
    ("Psalms 23 and 24", [("Psalms", 23, None, None, None), ("Psalms", 24, None, None, None)]),
    ("John 3:16, 1 John 4:8", [("John", 3, 16, None, None), ("1 John", 4, 8, None, None)]),
    ("John 3 ... v. 16", [("John", 3, None, None, None), ("John", 3, 16, None, None)]),
    ("Psalm 119:105a", [("Psalms", 119, 105, None, None)]),
    ("Isaiah 53, Is. 53:5", [("Isaiah", 53, None, None, None), ("Isaiah", 53, 5, None, None)]),
    ("Deuteronomy", [("Deuteronomy", None, None, None, None)]),
    ("the book of Daniel", [("Daniel", None, None, None, None)]),
]

_NONE = [
    "what is 5 times 6",
    "I am 30 years old",
    "The meeting is 5:30 pm",
    "Mark one day said",
    "John I saw",
    "What job has 90 hours?",
    "so 3 people came, my ex 2 of them",
    "Is the answer 42?",
    "What did Daniel see?",
    "numbers are fun and he acts well",
    "first John came, then Peter",
    "What is required in the eighth commandment?",
    "verse 16 of the poem",
    "Mark 1,000 pages",
    # Letters that match "i" or "s" without regard to case, and are no numerals.
    "Mark \u0131",
    "psalm \u017f 3",
    "\u0131 peter 3",
    "\u0131\u0131\u0131 John",
    "",
]


@pytest.mark.parametrize("texts", _SAME, ids=lambda texts: texts[0])
def test_spellings_of_one_reference_have_the_same_passage(texts: list[str]) -> None:
    passages = {tuple(found.passage for found in find_bible_references(text)) for text in texts}
    assert len(passages) == 1
    assert passages != {()}


@pytest.mark.parametrize(("text", "passages"), _PASSAGES)
def test_books_chapters_verses_and_ranges_are_parsed(text: str, passages: list[object]) -> None:
    assert [found.passage for found in find_bible_references(text)] == passages


@pytest.mark.parametrize("text", _NONE)
def test_ordinary_words_are_no_references(text: str) -> None:
    assert find_bible_references(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "1 Cor. 13:4-7",
        "John 3:16",
        "Psalm 23",
        "First Corinthians 13",
        "Gen. 1:1-2:3",
        "II Tim. 3:16",
    ],
)
def test_canonical_form_has_the_same_passage_as_the_text(text: str) -> None:
    (raw,) = find_bible_references(f"What does {text} say?")
    (normal,) = find_bible_references(canonical_form(f"What does {text} say?"))
    assert raw.passage == normal.passage


def test_first_and_second_book_are_different() -> None:
    (first,) = find_bible_references("1 Corinthians 13")
    (second,) = find_bible_references("2 Corinthians 13")
    assert first.passage != second.passage


def test_offsets_enclose_the_reference() -> None:
    text = "See (1 Cor. 13:4-7) and Ps. 23, please."
    assert [text[found.start : found.end] for found in find_bible_references(text)] == [
        "1 Cor. 13:4-7",
        "Ps. 23",
    ]


def test_chapter_beyond_the_book_is_no_reference() -> None:
    assert find_bible_references("John 31:6") == []
