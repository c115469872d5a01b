"""The 66 books of the Bible: names, usual abbreviations and numbers of chapters."""

import re
from enum import IntEnum
from typing import NamedTuple

# Canonical name | chapters | lower-case words that can name the book.
# - no mark: the word always means the book ("Genesis", "Deut").
# - "?": it means the book if a number follows, since it is also a name or a word ("Acts 2").
# - "!": it means the book only before chapter and verse, since it is a common word ("Is. 53:5").
# "#" is the ordinal of a numbered book; its chapters are listed for each ordinal.
_TABLE = """
Genesis|50|genesis gen? gn?
Exodus|40|exodus exod ex! exo?
Leviticus|27|leviticus lev? lv?
Numbers|36|numbers? num? nm? nu? numb?
Deuteronomy|34|deuteronomy deut deu? dt?
Joshua|24|joshua? josh? jos?
Judges|21|judges? judg? jdg? jgs?
Ruth|4|ruth? rt? rth? ru?
# Samuel|31 24|samuel? sam? sm? sa?
# Kings|22 25|kings? kgs? kin? ki?
# Chronicles|29 36|chronicles? chron? chr? ch?
Ezra|10|ezra? ezr?
Nehemiah|13|nehemiah? neh? ne?
Esther|10|esther? esth? est!
Job|42|job? jb?
Psalms|150|psalms psalm? psa? ps? pss? pslm?
Proverbs|31|proverbs? prov? prv? pro! pr!
Ecclesiastes|12|ecclesiastes eccles? eccl? ecc? qoh? qoheleth
Song of Solomon|8|song! songs! sos! ss! canticles? cant? canticle?
Isaiah|66|isaiah? isa? is!
Jeremiah|52|jeremiah? jer? jr!
Lamentations|5|lamentations? lam? la!
Ezekiel|48|ezekiel? ezek? ezk? eze?
Daniel|12|daniel? dan? dn?
Hosea|14|hosea? hos? ho!
Joel|3|joel? jl?
Amos|9|amos? am!
Obadiah|1|obadiah? obad? ob? oba?
Jonah|4|jonah? jon? jnh?
Micah|7|micah? mic? mi!
Nahum|3|nahum? nah? na!
Habakkuk|3|habakkuk? hab? habb?
Zephaniah|3|zephaniah? zeph? zep?
Haggai|2|haggai? hag? hg?
Zechariah|14|zechariah? zech? zec? zch?
Malachi|4|malachi? mal? ml!
Matthew|28|matthew? matt? mat? mt?
Mark|16|mark? mrk? mk? mar!
Luke|24|luke? luk? lk? lu!
John|21|john? jhn? jn? joh? jno?
Acts|28|acts? act! ac!
Romans|16|romans? rom? rm! ro!
# Corinthians|16 13|corinthians? cor? co? corin?
Galatians|6|galatians? gal? ga!
Ephesians|6|ephesians? eph? ephes?
Philippians|4|philippians? phil? php? philip? phi! pp!
Colossians|4|colossians? col? colos?
# Thessalonians|5 3|thessalonians? thess? thes? th?
# Timothy|6 4|timothy? tim? tm? ti?
Titus|3|titus? tit? ti!
Philemon|1|philemon? phlm? philem? phm?
Hebrews|13|hebrews? heb? hebr?
James|5|james? jas? jam! jm?
# Peter|5 3|peter? pet? pt? ptr? pe?
# John|5 1 1|john? jhn? jn? joh? jno?
Jude|1|jude? jud!
Revelation|22|revelation? revelations? rev? rv? apocalypse? apoc?
"""


class Certainty(IntEnum):
    """What must follow a word so that it means a book of the Bible."""

    WITH_VERSE = 0
    WITH_NUMBER = 1
    ALWAYS = 2


class Book(NamedTuple):
    """A book that a word can name."""

    name: str
    chapters: int
    certainty: Certainty

    @property
    def has_long_name(self) -> bool:
        """Whether the name can have more words: "Acts of the Apostles"."""
        return self.name in {"Acts", "Song of Solomon", "Revelation"}


UNNUMBERED_BOOKS: dict[str, Book] = {}
"""The books without an ordinal, by lower-case word."""

NUMBERED_BOOKS: dict[str, tuple[Book, ...]] = {}
"""The first, second and third of each numbered book, by lower-case word."""

for _row in _TABLE.split("\n")[1:-1]:
    _name, _chapters, _words = _row.split("|")
    for _word in _words.split():
        _key = _word.rstrip("?!")
        _sure = {"!": Certainty.WITH_VERSE, "?": Certainty.WITH_NUMBER}.get(
            _word[-1], Certainty.ALWAYS
        )
        if _name.startswith("#"):
            NUMBERED_BOOKS[_key] = tuple(
                Book(_name.replace("#", str(place)), int(length), _sure)
                for place, length in enumerate(_chapters.split(), start=1)
            )
        else:
            UNNUMBERED_BOOKS.setdefault(_key, Book(_name, int(_chapters), _sure))

LETTERS = re.compile(r"[^\W\d_]+")
"""Matches a word that can name a book: letters alone, so that "1cor13" has one."""
