"""Reduces inflected English words to a stem: "requires" and "required" have the same stem.

Only inflections are removed: "universe" and "university" have different stems. The algorithm is
that of Porter, "An algorithm for suffix stripping" (Program 14, 1980), steps 1 and 5a, with tables
of irregular forms. A stem is a key for comparisons and not always a word.
"""

import re
from functools import lru_cache

from shared.text import word_set

_IRREGULAR_VERBS = """
be am is are was were been being
have has had having
do does did done doing
say said says; go went gone goes; see saw seen; make made making; take took taken
give gave given; get got gotten getting; know knew known; think thought; come came; find found
tell told; become became; leave left; feel felt; bring brought; begin began begun; keep kept
hold held; write wrote written; stand stood; hear heard; meet met; run ran running; pay paid
sit sat; speak spoke spoken; lead led; grow grew grown; lose lost; fall fell fallen; send sent
build built; understand understood; draw drew drawn; break broke broken; spend spent
win won winning; teach taught; buy bought; catch caught; choose chose chosen; drive drove driven
eat ate eaten; fight fought; fly flew flown; forget forgot forgotten; forgive forgave forgiven
seek sought; sell sold; shoot shot; show shown; sing sang sung; sleep slept; steal stole stolen
swear swore sworn; swim swam swum; throw threw thrown; wake woke woken; wear wore worn
drink drank drunk; bear bore born borne; die dying died dies; lie lying lied lies; tie tying
rise rose risen; hide hid hidden; forbid forbade forbidden; beget begot begotten; slay slew slain
smite smote smitten; strive strove striven; arise arose arisen; shine shone; bind bound; wind wound
feed fed; breed bred; bleed bled; deal dealt; dig dug; hang hung; mean meant; use used using uses
need needed needing; let letting; put putting; set setting; cut cutting; hit hitting; quit quitting
"""

_IRREGULAR_PLURALS = """
child children; man men; woman women; person persons; foot feet; tooth teeth; mouse mice
wife wives; life lives; knife knives; leaf leaves; self selves; half halves; wolf wolves
news; bus buses; gas gases; species; series
"""


def _by_form(table: str) -> dict[str, str]:
    lines = [line.split() for line in re.split(r"[;\n]", table)]
    return {form: forms[0] for forms in lines for form in forms}


_VERBS = _by_form(_IRREGULAR_VERBS)
_IRREGULAR = _VERBS | _by_form(_IRREGULAR_PLURALS)

# Words that end like an inflection and are none.
_WHOLE = word_set(
    "this thus his its us yes as was has news always perhaps bus gas plus lens bias class"
    " jesus moses christmas species series texas paris james thomas charles business"
    " thing nothing something anything everything king ring sing bring spring string wing morning"
    " evening during ceiling sibling need feed seed speed breed indeed hundred sacred naked wicked"
    " glasses savings earnings belongings bed red shed sled embed united"
    " sabbath physics mathematics politics economics ethics gymnastics athletics"
)

_VOWEL = re.compile(r"[aeiouy]")
_MEASURE = re.compile(r"[aeiouy]+[^aeiouy]+")
_SHORT = re.compile(r"(?:^|[^aeiou])[aeiouy][^aeiouwxy]$")
_DOUBLED = re.compile(r"([^aeioulsz])\1$")
_ADVERB = re.compile(r"(al|ful|less|ous|ive|ent|ant|at|ed|ing|ct|ab|ib|ic|ar|ir|er|i|ck|pid|id)ly$")


@lru_cache(maxsize=4_096)
def stem(word: str) -> str:
    """Return the stem of a lower-case word, the same for all its inflections."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _WHOLE or len(word) <= 2 or not word.isascii():  # noqa: PLR2004 - too short to cut
        return word
    word = _without_ending(_singular(_adjective(word)))
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 2 and word.endswith("y") and word[-2] not in "aeiou":  # noqa: PLR2004
        word = word[:-1] + "i"
    if word.endswith("ll") and len(_MEASURE.findall(word)) > 1:
        return word[:-1]  # "travelled" and "traveled"
    return _without_final_e(word)


def is_past(word: str) -> bool:
    """Whether a lower-case word has the form of a past tense or a past participle."""
    base = _VERBS.get(word)
    if base is None:
        return word.endswith("ed") and word not in _WHOLE
    return word != base and not word.endswith(("s", "ing"))


def _adjective(word: str) -> str:
    """Return the adjective of an adverb: "easy" for "easily"."""
    if not _ADVERB.search(word) or len(word) <= 5:  # noqa: PLR2004 - "only", "early"
        return word
    base = word[:-2]
    return base[:-1] + "y" if base.endswith("i") else base


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]  # noqa: PLR2004 - "ties"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word: str) -> str:
    if word.endswith("ied") and len(word) > 4:  # noqa: PLR2004 - "tied"
        return word[:-3] + "y"
    if word in _WHOLE or word.endswith("eed"):
        return word
    for ending in ("ed", "ing"):
        base = word.removesuffix(ending)
        if base != word and _VOWEL.search(base) and len(base) > 1:
            return _restore_ending(base)
    return word


def _restore_ending(base: str) -> str:
    if base.endswith(("at", "bl", "iz", "uc", "ov", "iv")):
        return base + "e"
    if _DOUBLED.search(base):
        return base[:-1]
    if len(_MEASURE.findall(base)) == 1 and _SHORT.search(base):
        return base + "e"
    return base


def _without_final_e(word: str) -> str:
    """Drop a final "e" after Porter's step 5a."""
    if not word.endswith("e"):
        return word
    base = word[:-1]
    measure = len(_MEASURE.findall(base))
    if measure > 1 or (measure == 1 and not _SHORT.search(base)):
        return base
    return word
