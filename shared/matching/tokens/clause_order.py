"""Moves a clause that begins a question to its end: "When it rains, what do I wear?"."""

import re

_CLAUSE = re.compile(
    r"(?P<clause>(?:before|after|as|if|unless|while|once|until|since|because|although|according to"
    # Not "When did Anna leave, ...": that is a question.
    r"|when(?! (?:do|does|did|is|are|am|was|were|will|can|could|should|has|have|had)\b))"
    r" [^,;.?!]+), (?P<question>(?:what|which|who|whom|whose|where|why|how|when|is|are|am|was|were"
    r"|do|does|did|can|could|should|must|may|will|would|has|have|had)\b[^,;.?!]*)(?P<end>[.?!\s]*)",
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
