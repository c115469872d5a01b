"""Finds references to the Bible in a text.

It works on written text and on a question's canonical form, in any case: "1 Cor. 13:4-7", "first
corinthians 13:4-7" and "verses 4 to 7 of chapter 13 of I Corinthians" are the same passage.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.text.bible_books import LETTERS, NUMBERED_BOOKS, UNNUMBERED_BOOKS, Book, Certainty
from shared.text.numbers import NUMBER_WORDS, Number, parse_number_at, parse_roman


@dataclass(frozen=True, slots=True)
class BibleReference:
    """A passage that a text names between the characters `start` and `end`.

    Parts that the text does not name are None: "Romans 8" has a chapter and no verse. A range has
    its last chapter and verse: "John 3:16-18" ends at chapter 3, verse 18.
    """

    start: int
    end: int
    book: str
    chapter: int | None = None
    verse: int | None = None
    end_chapter: int | None = None
    end_verse: int | None = None

    @property
    def passage(self) -> tuple[str, int | None, int | None, int | None, int | None]:
        """The passage without its offsets in the text."""
        return (self.book, self.chapter, self.verse, self.end_chapter, self.end_verse)


_LONGEST = 176
"""The number of verses of the longest chapter, Psalm 119."""
_REACH = 200
"""The most characters between a passage and a "verse 16" without a book that belongs to it."""
_BEFORE = 80
"""The number of characters searched before a book's name for chapter, verses and ordinal."""


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SPELLED = rf"(?:{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})\b"
_ANY = rf"(?:\d{{1,3}}(?:st|nd|rd|th)?|{_SPELLED}(?:[\s-]+(?:and\s+)?{_SPELLED})*|[ivxlc]+)"
_TO = r"\s*(?:[-\u2013\u2014]|\bto\b|\bthrough\b|\bthru\b)\s*"
_VERSES = r"\b(?:verses?|vers?|vv?|vss?)\b\.?\s*"
_IN = r"\s*,?\s+(?:of|in|from)\s+(?:the\s+)?"

# Plain strings are long patterns, compiled only when a text needs them.

# Before a book's name: each pattern ends at the name, or at the part that was parsed before.
_ORDINAL = _compile(
    r"(?<![\w:.])([123](?:st|nd|rd)?|i{1,3}|first|second|third)(?:\.\s*|\s+|(?<=\d))"
    r"((?:epistle|letter|book)\s+(?:of\s+)?(?:(?:st\.?\s+)?paul\s+)?(?:to\s+)?(?:the\s+)?)?$"
)
_NAMED = _compile(
    r"\b(?:the\s+)?(?:books?|gospel|epistle|letter|prophecy)\s+"
    r"(?:of|to|according\s+to)\s+(?:the\s+|st\.?\s+|saint\s+)*$"
)
_OF = _compile(rf"{_IN}$")
_PLACE = (
    rf"(?:{_VERSES}(?P<verse>{_ANY})(?:{_TO}(?P<last>{_ANY}))?{_IN})?"
    rf"(?:\bchapter\s+(?P<chapter>{_ANY})"
    rf"(?:\s*,?\s*{_VERSES}(?P<its_verse>{_ANY})(?:{_TO}(?P<its_last>{_ANY}))?)?{_IN}"
    rf"|\b(?:the\s+)?(?P<nth>{_ANY})\s+chapter{_IN})?$"
)
_NTH_PSALM = rf"(?<![\w:.])(?:the\s+)?(?P<nth>{_ANY})\s+$"

# After a book's name.
_LONG_NAME = _compile(r"\s+of\s+(?:songs|solomon|the\s+apostles|(?:st\.?\s+)?john)\b")
_WITH_VERSE = re.compile(
    r"(?<=[a-z])\.? ?\d{1,3}:\d{1,3}(?!\d| ?[ap]\.?m\b)|(?<=\b[A-Z][a-z])\. ?\d"
)
_CHAPTER = _compile(r"(?:\.\s*|\s+|(?=\d+:\d))|,\s*(?=chapter)")
_CHAPTER_WORD = _compile(r"(?:chapters?|chaps?|ch)\b\.?\s*|(?:the\s+)(?=\d+(?:st|nd|rd|th))")
_COLON = _compile(r"\s?:\s?|\.(?=\d)|(?<=[ivxlc])\.?\s*(?=\d)")
_VERSE_WORD = _compile(rf",?\s*(?:and\s+)?{_VERSES}")
_SPACE = _compile(r"\s+(?=\d)")
_RANGE = _compile(rf"{_TO}(?:{_VERSES})?")
_AND = _compile(rf"(?:\s*(?:[,;&]|\band\b|\bor\b))+\s*(?:{_VERSES})?")
_LETTER = _compile(r"(?:[a-c]|ff?)\b")
_ORDINAL_OF_BOOK = _compile(r"\s*([^\W\d_]+)\.?\s*\d")
_LONE = (
    rf"\bchapter\s+(?P<chapter>{_ANY})(?:\s*,?\s*{_VERSES}(?P<its_verse>{_ANY}))?\b"
    rf"|{_VERSES}(?P<verse>{_ANY})\b"
)


def find_bible_references(text: str) -> list[BibleReference]:
    """Find every passage that `text` names, in order.

    A "verse 16" without a book belongs to the passage named shortly before it. Without such a
    passage it is ignored.
    """
    found: list[BibleReference] = []
    at = 0
    for word in LETTERS.finditer(text):
        key = word[0].lower()
        if word.start() < at or (key not in UNNUMBERED_BOOKS and key not in NUMBERED_BOOKS):
            continue
        for head, certainty in _heads(text, word, at):
            passages = _passages(text, head, certainty)
            if passages:
                found += passages
                at = passages[-1].end
                break
    return list(_with_lone_verses(text, found)) if found else found


def _heads(text: str, word: re.Match[str], floor: int) -> Iterator[tuple[BibleReference, Book]]:
    """Parse the text before a book's name, for each book that it can mean, likeliest first."""
    key = word[0].lower()
    floor = max(floor, word.start() - _BEFORE)
    before = text[floor : word.start()]
    numbered = NUMBERED_BOOKS.get(key)
    ordinal = _ORDINAL.search(before) if numbered else None
    if numbered and ordinal:
        place = _parse_value(ordinal[1]) or 0
        if 0 < place <= len(numbered):
            # "first peter went" names no book; "1 Peter" and "First Epistle of Peter" do.
            certainty = (
                Certainty.ALWAYS if ordinal[1][0].isdigit() or ordinal[2] else Certainty.WITH_NUMBER
            )
            book = numbered[place - 1]
            yield _head(text, word, floor, ordinal.start(), book._replace(certainty=certainty))
    if key in UNNUMBERED_BOOKS:
        yield _head(text, word, floor, len(before), UNNUMBERED_BOOKS[key])


def _head(
    text: str, word: re.Match[str], floor: int, start: int, book: Book
) -> tuple[BibleReference, Book]:
    """Parse "verses 4 to 7 of chapter 13 of the book of" before `floor + start`."""
    before = text[floor : floor + start]
    named = _NAMED.search(before)
    if named:
        before = before[: named.start()]
    long_name = _LONG_NAME.match(text, word.end()) if book.has_long_name else None
    # Searching only after "of" keeps the time linear for a text such as "is is is".
    place = re.search(_PLACE, before, re.IGNORECASE) if _OF.search(before) else None
    nth = re.search(_NTH_PSALM, before, re.IGNORECASE) if book.name == "Psalms" else None
    head = BibleReference(0, (long_name or word).end(), book.name)
    number = parse_number_at(nth["nth"]) if nth else None
    if nth and number and number.ordinal:
        before, head = before[: nth.start()], replace(head, chapter=number.value)
    elif place:
        chapter = _parse_value(place["chapter"] or place["nth"] or "")
        verse = _parse_value(place["verse"] or place["its_verse"] or "")
        last = _parse_value(place["last"] or place["its_last"] or "")
        if chapter or verse:
            before = before[: place.start()]
            head = replace(head, chapter=chapter, verse=verse, end_verse=last)
    certainty = Certainty.ALWAYS if long_name or (named and book.certainty) else book.certainty
    return replace(head, start=floor + len(before)), book._replace(certainty=certainty)


def _passages(text: str, head: BibleReference, book: Book) -> list[BibleReference]:
    """Parse "3:16-18, 20" after a book's name; empty where the word does not mean the book."""
    if book.certainty is Certainty.WITH_VERSE and not _WITH_VERSE.match(text, head.end):
        return []
    if head.chapter is None:
        number, has_word = _chapter(text, head.end, book)
        if number is None and book.chapters == 1 and _VERSE_WORD.match(text, head.end):
            number = _verse(text, head.end)
        if number is None:
            return [head] if book.certainty is Certainty.ALWAYS and head.verse is None else []
        head = replace(head, chapter=number.value, end=number.end)
        if book.chapters == 1 and number.value > 1 and not has_word:
            head = replace(head, chapter=1, verse=number.value)
    elif head.chapter > book.chapters:
        return []
    if head.verse is not None and head.end_verse is not None:
        return [replace(head, end_chapter=head.chapter)]
    if head.verse is None:
        verse = _verse(text, head.end)
        if verse:
            head = replace(head, verse=verse.value, end=verse.end)
    return _list(text, _ranged(text, head), book)


def _chapter(text: str, at: int, book: Book) -> tuple[Number | None, bool]:
    """Parse the chapter at `at`; also return whether the word "chapter" is before it."""
    gap = _CHAPTER.match(text, at)
    if not gap:
        return None, False
    word = _CHAPTER_WORD.match(text, gap.end())
    number = parse_number_at(text, (word or gap).end())
    if number is None or not number.value:
        return None, False
    limit = book.chapters if word or book.chapters > 1 else _LONGEST
    # "Mark one day" and "John I saw" name no chapter: a number in letters needs more evidence.
    clear = word or book.certainty is Certainty.ALWAYS or book.name == "Psalms"
    letters = text[(word or gap).end() : number.end]
    numeral = letters[0].isdigit() or (len(letters) > 1 and parse_roman(letters) is not None)
    if number.value > limit or not (clear or numeral or _COLON.match(text, number.end)):
        return None, False
    return number, word is not None


def _verse(text: str, at: int) -> Number | None:
    """Parse the verse after a chapter that ends at `at`."""
    for separator in (_COLON, _VERSE_WORD, _SPACE):
        gap = separator.match(text, at)
        number = parse_number_at(text, gap.end()) if gap else None
        if number and 0 < number.value <= _LONGEST and not _opens_book(text, number):
            return _without_letter(text, number)
    return None


def _ranged(text: str, head: BibleReference) -> BibleReference:
    """Return `head` with the end of its range, if one follows."""
    gap = _RANGE.match(text, head.end)
    number = parse_number_at(text, gap.end()) if gap else None
    if number is None or _opens_book(text, number):
        return head
    further = _colon_number(text, number.end)
    number = _without_letter(text, number)
    if further:
        if number.value >= (head.chapter or 0):
            return replace(head, end_chapter=number.value, end_verse=further.value, end=further.end)
    elif head.verse is not None and head.verse < number.value <= _LONGEST:
        return replace(head, end_chapter=head.chapter, end_verse=number.value, end=number.end)
    elif head.verse is None and (head.chapter or 0) < number.value:
        return replace(head, end_chapter=number.value, end=number.end)
    return head


def _list(text: str, first: BibleReference, book: Book) -> list[BibleReference]:
    """Parse a list that begins with `first`: ", 18" is a verse after a verse, else a chapter."""
    found = [first]
    while True:
        last = found[-1]
        gap = _AND.match(text, last.end) or (_SPACE.match(text, last.end) if last.verse else None)
        number = parse_number_at(text, gap.end()) if gap else None
        if not gap or not number or text[gap.end()].isalpha() or _opens_book(text, number):
            return found
        further = _colon_number(text, number.end)
        item = BibleReference(number.end - len(str(number.value)), number.end, book.name)
        if further and number.value <= book.chapters:
            item = replace(item, chapter=number.value, verse=further.value, end=further.end)
        elif last.verse is not None and (last.end_verse or last.verse) < number.value <= _LONGEST:
            end = _without_letter(text, number).end
            item = replace(
                item, chapter=last.end_chapter or last.chapter, verse=number.value, end=end
            )
        elif last.verse is None and (last.chapter or 0) < number.value <= book.chapters:
            item = replace(item, chapter=number.value)
        else:
            return found
        found.append(_ranged(text, item))


def _with_lone_verses(text: str, found: list[BibleReference]) -> Iterator[BibleReference]:
    """Add each "verse 16" and "chapter 4" without a book, with the book of the passage before."""
    for reference, following in zip(found, [*found[1:], None], strict=True):
        yield reference
        last = reference
        limit = min(following.start if following else len(text), reference.end + _REACH)
        for lone in re.compile(_LONE, re.IGNORECASE).finditer(text, reference.end, limit):
            chapter = _parse_value(lone["chapter"] or "") or last.chapter
            verse = _parse_value(lone["verse"] or lone["its_verse"] or "")
            if chapter and (verse or lone["chapter"]):
                item = BibleReference(lone.start(), lone.end(), last.book, chapter, verse)
                last = _ranged(text, item)
                yield last


def _colon_number(text: str, at: int) -> Number | None:
    gap = _COLON.match(text, at)
    return parse_number_at(text, gap.end()) if gap else None


def _without_letter(text: str, number: Number) -> Number:
    """Include the letter of "16a" and "16ff" in the number."""
    letter = _LETTER.match(text, number.end)
    return number._replace(end=letter.end()) if letter else number


def _opens_book(text: str, number: Number) -> bool:
    """Whether the number is an ordinal of the next book, as in "John 3:16, 1 John 4:8"."""
    word = _ORDINAL_OF_BOOK.match(text, number.end)
    return word is not None and word[1].lower() in NUMBERED_BOOKS


def _parse_value(text: str) -> int | None:
    number = parse_number_at(text)
    return number.value if number else None
