"""Evidence that a text answers a question: shared words, and the number or name that it asks for.

Kinds of answers are checked in English only.
"""

import re
from typing import NamedTuple

from shared.text import word_set
from shared.text.languages import ENGLISH, FUNCTION_WORDS, detect_language
from shared.text.numbers import NUMBER_WORDS
from shared.text.stemming import stem

_MIN_SHARE_IN_CONTEXT = 0.5
_STEM_CHARACTERS = 6  # languages inflect at the end of words

_WORD = re.compile(r"[\u30a0-\u30ff\u3400-\u9fff]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_CHINESE_FUNCTION_WORDS = re.compile("[的是了在有和吗呢什么时候哪谁怎多少几你我他们这那]+")
_UNSPACED = re.compile(r"[\u30a0-\u30ff\u3400-\u9fff]{3,}")

_QUANTITY = re.compile(
    r"\bhow (?:many (?P<counted>\w+)|(?P<time>old|long|late|early)|much|tall|far|high|deep|heavy)\b"
)
_VALUE = re.compile(r"\b(?:phone|telephone|mobile|fax|account|card|pin) (?:number|code)s?\b")
_TIME = re.compile(r"\bwhen (?:is|are|was|were|do|does|did|will|can|may|must|should)\b")
_PERSON = re.compile(r"\bwho(?: is| was| are| were|'s) (?:the|my|our|your)\b")
_NAME = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")
_DURATIONS = word_set(
    """second minute hour day week month year decade night noon morning afternoon evening today
    tomorrow weekend once twice half dozen daily weekly monthly yearly annual always ever until
    before after during while when"""
)
_DATES = word_set(
    """january february march april may june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday spring summer autumn winter christmas easter
    advent"""
)


class Evidence(NamedTuple):
    """The shares of a question's words in a text, in it with its context, and with its passage."""

    in_text: float
    in_context: float
    in_passage: float
    is_new: bool
    """Whether the text has a word that the question has not."""


class QuestionWords:
    """The words of a question that an answer has, and what else it has."""

    def __init__(self, question: str, *, multilingual: bool = False) -> None:
        """`multilingual`: whether embeddings of other languages than English are evidence."""
        lowered = " ".join(question.casefold().replace("\u2019", "'").split())
        self._language = detect_language(question) or ENGLISH
        self._needs_words = self._language != ENGLISH and not multilingual
        self._words = content_words(question)
        quantity = _QUANTITY.search(lowered)
        self._counted = content_words((quantity and quantity["counted"]) or "")
        value = _VALUE.search(lowered)
        self._value_words = content_words(value[0] if value else "")
        self._numbers = {word for word in self._words if word.isdecimal()}
        self._needs_number = bool((quantity and not quantity["time"]) or value)
        self._needs_time = bool(_TIME.search(lowered) or (quantity and quantity["time"]))
        self._needs_name = _PERSON.search(lowered) is not None

    def find_evidence(
        self, text: str, context: str, passage_words: frozenset[str]
    ) -> Evidence | None:
        """Return the evidence of a text; None if it cannot be the answer.

        `context` is the title and headings over the text; `passage_words` are all of its passage.
        """
        in_text = content_words(text)
        has_number = any(map(str.isdigit, text)) or not in_text.isdisjoint(_NUMBERS)
        in_context = in_text | content_words(context)
        if has_number:
            in_context |= self._value_words
        has_time = has_number or not in_text.isdisjoint(_TIME_STEMS)
        in_passage = in_context | passage_words
        if (
            (self._needs_number and not has_number)
            or (self._needs_time and not has_time)
            or (self._needs_name and not self._has_name(text))
            or not self._counted <= in_context
            or not self._numbers <= in_passage
        ):
            return None
        evidence = Evidence(
            self._share(in_text),
            self._share(in_context),
            self._share(in_passage),
            not in_text <= self._words,
        )
        language = detect_language(text) or self._language
        is_foreign = language != self._language and not evidence.in_text
        is_vague = self._needs_words and evidence.in_context < _MIN_SHARE_IN_CONTEXT
        return None if is_foreign or is_vague else evidence

    def _has_name(self, text: str) -> bool:
        names = content_words(" ".join(_NAME.findall(text)))
        return not names <= self._words | _TIME_STEMS

    def _share(self, words: frozenset[str]) -> float:
        return len(self._words & words) / max(1, len(self._words))


def content_words(text: str) -> frozenset[str]:
    """Return the stems of the words that have content; of unspaced scripts, pairs of characters."""
    function_words = FUNCTION_WORDS[ENGLISH] | FUNCTION_WORDS.get(detect_language(text), set())
    words = {
        part
        for word in _WORD.findall(_CHINESE_FUNCTION_WORDS.sub(" ", text.casefold()))
        for part in (
            [word[at : at + 2] for at in range(len(word) - 1)] if _UNSPACED.match(word) else [word]
        )
    }
    return frozenset(stem(word)[:_STEM_CHARACTERS] for word in words - function_words)


_NUMBERS = content_words(" ".join(NUMBER_WORDS))
_TIME_STEMS = content_words(" ".join(_DURATIONS | _DATES))
