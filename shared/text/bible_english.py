"""Archaic English of old Bible translations and catechisms, and synonyms of their field.

Questions that quote an old translation are rewritten into modern English before they are compared:
"What doth God require of thee?" becomes "what does god require of you".
"""

import re

_MODERN = {
    "thou": "you",
    "thee": "you",
    "ye": "you",
    "thy": "your",
    "thine": "your",
    "hath": "has",
    "hast": "have",
    "doth": "does",
    "doeth": "does",
    "dost": "do",
    "doest": "do",
    "didst": "did",
    "wilt": "will",
    "shalt": "shall",
    "canst": "can",
    "wast": "was",
    "wert": "were",
    "saith": "says",
    "goeth": "goes",
    "liveth": "live",
    "unto": "to",
    "whereinto": "whereto",
    "whereunto": "whereto",
    "wherefore": "why",
    "betwixt": "between",
    "spake": "spoke",
    "shew": "show",
    "shewed": "showed",
    "brethren": "brothers",
    "oft": "often",
    "scripture": "bible",
    "scriptures": "bible",
    "christ": "jesus",
}
_PHRASES = {
    "thou art": "you are",
    "art thou": "are you",
    "god word": "bible",  # "God's word" without its possessive s
    "word of god": "bible",
    "holy bible": "bible",
    "holy scripture": "bible",
    "holy scriptures": "bible",
    "holy ghost": "holy spirit",
    "wherein consists": "what is",
    "wherein consisteth": "what is",
    # What a participle implies: "the duties required in" is "what is required in".
    "duties required": "required",
    "duty required": "required",
    "sins forbidden": "forbidden",
    "sin forbidden": "forbidden",
    # "estate" as a condition; otherwise it is land, or what a person leaves.
    "estate of sin": "state of sin",
    "estate of misery": "state of misery",
    "estate of innocence": "state of innocence",
    "estate wherein": "state wherein",
    "estate whereinto": "state whereto",
    "estate whereunto": "state whereto",
    "into what estate": "into what state",
}
_REWRITTEN = re.compile(
    rf"\b(?:{'|'.join(sorted(_PHRASES | _MODERN, key=len, reverse=True))})\b|\b[a-z]{{2,}}eth\b"
)
# A text, or a reference in its place, teaches its reader.
_TEACHES_READER = re.compile(
    r"((?:\b(?:bible|chapter|commandment|conclusion|epistle|gospel|law|parable|passage|petition"
    r"|prayer|preface|proverb|psalm|sermon|verse)|\u00a7\d+) teach) us\b"
)
# Words that end in -eth and are no verbs of the third person.
_NOT_VERBS = frozenset({"teeth", "beth", "seth", "kenneth", "elizabeth", "macbeth", "nazareth"})
_NOT_VERBS |= {"japheth"}
_DOUBLED = re.compile(r"([^aeioulsz])\1$")


def modernize(text: str) -> str:
    """Rewrite archaic words of a lower-case text, and the pack's synonyms."""
    return _TEACHES_READER.sub(r"\1", _REWRITTEN.sub(lambda found: _modern(found[0]), text))


def _modern(word: str) -> str:
    if word in _PHRASES or word in _MODERN:
        return _PHRASES.get(word) or _MODERN[word]
    base = word[:-3]
    if word in _NOT_VERBS or word.endswith("ieth") or not re.search(r"[aeiouy]", base):
        return word
    if _DOUBLED.search(base):
        base = base[:-1]  # "sitteth"
    return base + ("s" if base[-1] in "aeioy" or base != word[:-3] else "es")
