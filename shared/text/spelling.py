"""British and American spelling of the same word."""

import re

_AMERICAN = dict(
    pair.split()
    for line in """
ageing aging; adviser advisor; aluminium aluminum; analogue analog
artefact artifact; catalogue catalog; catalogues catalogs
catalogued cataloged; cataloguing cataloging; cosy cozy; dialogue dialog
disc disk; doughnut donut; enrol enroll; fulfil fulfill
grey gray; instalment installment; jeweller jeweler; jewellers jewelers
jewellery jewelry; judgement judgment
manoeuvre maneuver; mould mold; moustache mustache
plough plow; practise practice; programme program
pyjamas pajamas; sceptic skeptic; sceptical skeptical; skilful skillful; theatre theater
tyre tire; tyres tires; whiskey whisky; yoghurt yogurt
""".strip().splitlines()
    for pair in line.split("; ")
)
_ENDINGS = (
    (
        re.compile(
            r"^((?:dis)?(?:col|fav|hon)|arm|behavi|endeav|flav|glam|harb|hum|lab|neighb|od|parl|rig|rum"
            r"|sav|savi|splend|tum|val|vap|vig)our"
        ),
        r"\1or",
    ),
    (re.compile(r"^(cen|fi|li|lus|mea|me|som|spec|\w{2,5}me)([bgt])re(?=s?$)"), r"\1\2er"),
    (re.compile(r"(?<=\w{4}[iy])s(?=(?:e|ed|er|ers|es|ing|ations?)$)"), "z"),
    (
        re.compile(r"(^h|^p|^an|^orthop|^gyn|^f|^arch|^encyclop|^leuk)ae(?=[cdmost])"),
        r"\1e",
    ),
    (re.compile(r"^aes(?=th)"), "es"),
    (re.compile(r"^(f|diarrh|)oe(?=soph|str|dem|t|a)"), r"\1e"),
    (re.compile(r"(?<=^def|^lic|^off)ence|(?<=^pret)ence"), "ense"),
)


def american_spelling(word: str) -> str:
    """Return the American spelling of a word in lower case, or the word itself.

    The result is for comparisons: that of "promise" is "promize".
    """
    if word in _AMERICAN:
        return _AMERICAN[word]
    for british, american in _ENDINGS:
        word = british.sub(american, word)
    return word
