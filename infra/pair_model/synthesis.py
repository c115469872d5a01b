"""Question pairs whose label is known by construction, made from a list of questions."""

import re
from collections.abc import Callable, Sequence
from random import Random

from infra.pair_model.labelled_pairs import Pair
from infra.pair_model.wording import (
    CALENDAR,
    CLOSINGS,
    GREETINGS,
    OPENINGS,
    OPPOSITES,
    PREPOSITIONS,
    PRONOUNS,
    QUALIFIERS,
)

_NUMBER = re.compile(r"\d{1,9}")
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][a-z]{2,}\b")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|should|would|will|does|do|did|must|may)\b", re.IGNORECASE
)
_END = "?.,!"
_LEAST_TYPO_LENGTH = 5
_NOISY = 0.2  # the share of different pairs that also have a greeting or typo

Change = Callable[[str], str | None]
"""Changes a question, or returns None where nothing fits."""


class Synthesis:
    """Makes pairs of a question and a changed one.

    Args:
        questions: the questions to change; names are exchanged among them.
        random: the source of all choices, so that a seed determines the pairs.
    """

    def __init__(self, questions: Sequence[str], random: Random) -> None:
        self._questions = questions
        self._random = random
        self._names = sorted({name for each in questions for name in _NAME.findall(each)})
        # Each change of the meaning and its weight.
        self._different: dict[Change, int] = {
            self.change_number: 20,
            self.change_day_or_month: 6,
            self.negate: 14,
            self.use_opposite: 20,
            self.change_name: 12,
            self.swap_sides: 13,
            self.narrow: 10,
        }
        self._same: dict[Change, int] = {
            self.greet: 30,
            self.close: 12,
            self.mistype: 30,
            self.reopen: 28,
        }

    def pairs(self, different: int, same: int) -> list[Pair]:
        """Return at most so many pairs of each label."""
        made: dict[int, list[Pair]] = {0: [], 1: []}
        for question in self._questions:
            if len(made[0]) < different and (changed := self._change(question, self._different)):
                noisy = self._random.random() < _NOISY and self._change(question, self._same)
                made[0].append(Pair(noisy or question, changed, 0))
            if len(made[1]) < same and (changed := self._change(question, self._same)):
                made[1].append(Pair(question, changed, 1))
        return made[0] + made[1]

    def _change(self, question: str, changes: dict[Change, int]) -> str | None:
        (change,) = self._random.choices(list(changes), list(changes.values()))
        changed = change(question)
        return changed if changed and changed.lower() != question.lower() else None

    def change_number(self, question: str) -> str | None:
        """Add to a number, or subtract from it."""
        found = list(_NUMBER.finditer(question))
        if not found:
            return None
        number = self._random.choice(found)
        value = abs(int(number[0]) + self._random.choice([-3, -2, -1, 1, 2, 3, 10, 100]))
        value += value == int(number[0])
        return f"{question[: number.start()]}{value}{question[number.end() :]}"

    def change_day_or_month(self, question: str) -> str | None:
        """Replace the name of a weekday or month by another."""
        for names in CALENDAR:
            if found := re.search(rf"\b({'|'.join(names)})\b", question, re.IGNORECASE):
                others = sorted(names - {found[0].lower()})
                other = self._random.choice(others).capitalize()
                return question[: found.start()] + other + question[found.end() :]
        return None

    def negate(self, question: str) -> str | None:
        """Insert "not" after an auxiliary verb and its subject."""
        found = _AUXILIARY.search(question)
        if not found:
            return None
        rest = question[found.end() :].split()
        at = 1 if rest and rest[0].lower() in PRONOUNS else 2
        return " ".join([question[: found.end()], *rest[:at], "not", *rest[at:]])

    def use_opposite(self, question: str) -> str | None:
        """Replace a word by its opposite."""
        words = question.split()
        found = [at for at, word in enumerate(words) if word.lower().strip(_END) in OPPOSITES]
        if not found:
            return None
        at = self._random.choice(found)
        opposite = self._random.choice(OPPOSITES[words[at].lower().strip(_END)])
        words[at] = opposite + _ending(words[at])
        return " ".join(words)

    def change_name(self, question: str) -> str | None:
        """Replace a name by that of another question."""
        names = _NAME.findall(question)
        if not names:
            return None
        return re.sub(
            rf"\b{self._random.choice(names)}\b", self._random.choice(self._names), question
        )

    def swap_sides(self, question: str) -> str | None:
        """Swap the words before and after a preposition."""
        words = question.split()
        found = [at for at, word in enumerate(words[1:-1], 1) if word.lower() in PREPOSITIONS]
        if not found:
            return None
        at = self._random.choice(found)
        before, after = words[at - 1], words[at + 1]
        words[at - 1], words[at + 1] = after.rstrip(_END), before + _ending(after)
        return " ".join(words)

    def narrow(self, question: str) -> str:
        """Add a condition."""
        return f"{question.rstrip(_END + ' ')} {self._random.choice(QUALIFIERS)}?"

    def greet(self, question: str) -> str:
        """Add a greeting or a filler in front."""
        lowered = question[0].lower() + question[1:]
        return self._random.choice(GREETINGS) + self._random.choice([question, lowered])

    def close(self, question: str) -> str:
        """Add thanks at the end."""
        return question + self._random.choice(CLOSINGS)

    def mistype(self, question: str) -> str | None:
        """Mistype a long word or two, but no word that has an opposite."""
        words = question.split()
        found = [
            at
            for at, word in enumerate(words)
            if len(word) >= _LEAST_TYPO_LENGTH and word.isalpha() and word.lower() not in OPPOSITES
        ]
        if not found:
            return None
        for at in self._random.sample(found, min(len(found), self._random.choice([1, 1, 2]))):
            words[at] = self._mistyped(words[at])
        return " ".join(words)

    def reopen(self, question: str) -> str | None:
        """Use another opening of the same meaning."""
        for pattern, openings in OPENINGS.items():
            if found := re.match(pattern, question):
                return found.expand(self._random.choice(openings)) + question[found.end() :]
        return None

    def _mistyped(self, word: str) -> str:
        at = self._random.randrange(1, len(word) - 1)
        start, letter, end = word[:at], word[at], word[at + 1 :]
        letters = [end[0] + letter, "", letter * 2, self._random.choice("aeiourstln")]
        (kind,) = self._random.choices(range(len(letters)), [40, 30, 15, 15])
        return start + letters[kind] + (end[1:] if kind == 0 else end)


def _ending(word: str) -> str:
    return word[-1] if word[-1] in _END else ""
