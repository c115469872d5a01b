"""Rules for values that both questions must share: numbers, dates and Bible references."""

from shared.matching.tokens.tokenize import TokenizedQuestion


def check_quantities(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions whose numbers or ordinals differ."""
    return _compare("number", "numbers", a, b)


def check_dates(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions whose dates differ."""
    return _compare("date", "dates", a, b)


def check_bible_references(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions whose passages of the Bible differ."""
    return _compare("bible_reference", "Bible references", a, b)


def _compare(kind: str, label: str, a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    if a.keys_of_kind(kind) == b.keys_of_kind(kind):
        return None
    return f"{label}: {_format(a, kind)} / {_format(b, kind)}"


def _format(question: TokenizedQuestion, kind: str) -> str:
    return ", ".join(token.text for token in question.tokens if token.kind == kind) or "none"
