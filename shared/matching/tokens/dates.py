"""Merges months, weekdays and days of the month into dates. A year is a number."""

from collections.abc import Sequence

from shared.matching.tokens.quantities import Piece
from shared.text import word_set

_MONTHS = (
    "january jan|february feb|march|april apr|may|june jun|july jul|august aug"
    "|september sept sep|october oct|november nov|december dec"
)
_WEEKDAYS = (
    "monday|tuesday tue tues|wednesday wed|thursday thu thur thurs|friday fri|saturday|sunday"
)
_MONTH = {
    word: f"month {place}"
    for place, words in enumerate(_MONTHS.split("|"), start=1)
    for word in words.split()
}
_NAMED = {
    form: f"weekday {place}"
    for place, words in enumerate(_WEEKDAYS.split("|"), start=1)
    for word in words.split()
    for form in (word, word + "s")
} | {word: word for word in ["today", "tomorrow", "yesterday", "tonight"]}
_AMBIGUOUS = frozenset({"may", "march"})
BEFORE_MONTH = word_set("in of since until till by last next this early late mid during")
_DAYS = range(1, 32)


def merge_dates(pieces: Sequence[Piece]) -> list[Piece]:
    """Replace "25th of December" or "December 25" by one date with a key."""
    found: list[Piece] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        if not isinstance(piece, str):
            found.append(piece)
        elif piece in _NAMED:
            found.append((piece, _NAMED[piece], "date"))
        elif piece not in _MONTH:
            found.append(piece)
        else:
            following = _day(pieces[at]) if at < len(pieces) else None
            text, key = piece, _MONTH[piece]
            of = len(found) > 1 and found[-1] == "of"
            before = _day(found[-1 - of]) if found else None
            if before:
                del found[-1 - of :]
                found.append((f"{before} {text}", f"{key} day {before}", "date"))
            elif following:
                at += 1
                found.append((f"{text} {following}", f"{key} day {following}", "date"))
            elif piece in _AMBIGUOUS and not (found and found[-1] in BEFORE_MONTH):
                found.append(piece)
            else:
                found.append((text, key, "date"))
    return found


def _day(piece: Piece) -> int | None:
    if isinstance(piece, str) or piece[2] != "number":
        return None
    day = piece[1].removesuffix("th")
    return int(day) if day.isdecimal() and int(day) in _DAYS else None
