"""Rules for content words: both questions must have the same."""

from collections import Counter

from shared.matching.rules.antonyms import are_antonyms
from shared.matching.tokens.lexicon import word_form
from shared.matching.tokens.tokenize import Token, TokenizedQuestion


def check_content_words(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions where one has a content word that the other lacks."""
    one, other = unmatched(a, b)
    if not one and not other:
        return None
    return f"words: {_format(one)} / {_format(other)}"


def check_synonyms(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "the tip for the waiter" and "the advice for the waiter"."""
    one, other = (_forms(question) for question in (a, b))
    left = [each for each in one if each not in other]
    right = [each for each in other if each not in one]
    if not left and not right:
        return None
    return f"synonyms: {' '.join(left) or 'none'} / {' '.join(right) or 'none'}"


def _forms(question: TokenizedQuestion) -> dict[str, None]:
    """Return the forms of the words, in order."""
    words = (token.text for token in question.tokens if token.kind == "word" and not token.optional)
    return dict.fromkeys(map(word_form, words))


def check_antonyms(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions where a word of one is an antonym of a word of the other."""
    one, other = unmatched(a, b)
    for left in one:
        for right in other:
            if are_antonyms(left.key, right.key) or are_antonyms(left.text, right.text):
                return f"antonyms: {left.text} / {right.text}"
    return None


def unmatched(a: TokenizedQuestion, b: TokenizedQuestion) -> tuple[list[Token], list[Token]]:
    """Return each question's tokens without a counterpart in the other, except optional ones."""
    return _left_over(a, Counter(b.keys)), _left_over(b, Counter(a.keys))


def significant_tokens(question: TokenizedQuestion, other: TokenizedQuestion) -> list[Token]:
    """Return the tokens that are not optional, or that the other question has too."""
    spare = set(other.keys)
    return [token for token in question.tokens if token.key in spare or not token.optional]


def _left_over(question: TokenizedQuestion, others: Counter[str]) -> list[Token]:
    left = []
    for token in question.tokens:
        if others[token.key] > 0:
            others[token.key] -= 1
        elif not token.optional:
            left.append(token)
    return left


def _format(tokens: list[Token]) -> str:
    return " ".join(token.text for token in tokens) or "none"
