"""Moves a clause that begins a question to its end: "When it rains, what do I wear?"."""

import re

from shared.matching.tokens.lexicon import AUXILIARIES

_AUXILIARIES = "|".join(sorted(AUXILIARIES))
_CLAUSE = re.compile(
    r"(?P<clause>(?:before|after|as|if|unless|while|once|until|since|because|although|according to"
    # Not "When did Anna leave, ...": that is a question.
    rf"|when(?! (?:am|{_AUXILIARIES})\b)) [^,;.?!]+), "
    rf"(?P<question>(?:what|which|who|whom|whose|where|why|how|when|am|may|{_AUXILIARIES})\b"
    r"[^,;.?!]*)(?P<end>[.?!\s]*)",
    re.IGNORECASE,
)


def move_clause(text: str) -> str:
    """Return a text with its first clause at the end, or the text itself if it has none."""
    found = _CLAUSE.fullmatch(text)
    if found is None:
        return text
    clause, question = found["clause"], found["question"].rstrip()
    moved = f"{question[0].upper()}{question[1:]} {clause[0].lower()}{clause[1:]}"
    return moved + found["end"]
