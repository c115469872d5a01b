"""Question pairs whose label is known by construction, made from a list of questions."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

from infra.pair_model.different_wording import (
    ADJECTIVES,
    CALENDAR,
    EXCHANGES,
    GROUPS,
    MODALS,
    OPPOSITES,
    PREPOSITIONS,
    PRONOUNS,
    QUALIFIERS,
    REASKED,
)
from infra.pair_model.labelled_pairs import Pair
from infra.pair_model.same_wording import CLOSINGS, GREETINGS, REWORDINGS, SYNONYMS

_NUMBER = re.compile(r"\d{1,9}")
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][a-z]{2,}\b")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|should|would|will|does|do|did|must|may)\b", re.IGNORECASE
)
_THE = re.compile(r"\bthe (?!best|most|\w+est\b|one\b|same\b|only\b)(?=[a-z]{3,})")
_ARTICLE = re.compile(r"\b(?:the|a|an) (?=[a-z])")
_END = "?.,!"
_LEAST_TYPO_LENGTH = 5
_REWORDED = 0.4  # the share of different pairs whose question is also worded differently

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
            self.change_group_member: 16,
            self.negate: 10,
            self.change_name: 12,
            self.swap_sides: 8,
            self.swap_names: 8,
            self.narrow: 8,
            self.qualify: 10,
            self.reask: 14,
            self.exchange_modal: 10,
            **{partial(self.exchange, words): 10 for words in EXCHANGES.values()},
        }
        self._same: dict[Change, int] = {
            self.greet: 8,
            self.close: 4,
            self.mistype: 12,
            self.reword: 50,
            self.use_synonym: 16,
            self.drop_article: 5,
        }

    def pairs(self, different: int, same: int) -> list[Pair]:
        """Return at most so many pairs of each label."""
        made: dict[int, list[Pair]] = {0: [], 1: []}
        for question in self._questions:
            if len(made[0]) < different and (changed := self._change(question, self._different)):
                reworded = self._random.random() < _REWORDED and self._change(question, self._same)
                made[0].append(Pair(reworded or question, changed, 0))
            if len(made[1]) < same and (changed := self._change(question, self._same)):
                again = self._random.random() < _REWORDED and self._change(changed, self._same)
                made[1].append(Pair(question, again or changed, 1))
        return [pair for pair in made[0] + made[1] if pair.a.lower() != pair.b.lower()]

    def _change(self, question: str, changes: Mapping[Change, int]) -> str | None:
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
        return self.change_group_member(question, CALENDAR)

    def change_group_member(
        self, question: str, groups: Sequence[frozenset[str]] = GROUPS
    ) -> str | None:
        """Replace a country, city, company, language, food or illness by another one."""
        words = re.findall(r"\w+", question)
        for group in groups:
            if found := [word for word in words if word.lower() in group]:
                old = self._random.choice(found)
                new = self._random.choice(sorted(group - {old.lower()}))
                new = new if old.islower() else new.capitalize()
                return re.sub(rf"\b{old}\b", new, question)
        return None

    def negate(self, question: str) -> str | None:
        """Insert "not" after an auxiliary verb and its subject."""
        found = _AUXILIARY.search(question)
        if not found:
            return None
        rest = question[found.end() :].split()
        at = 1 if rest and rest[0].lower() in PRONOUNS else 2
        return " ".join([question[: found.end()], *rest[:at], "not", *rest[at:]])

    def exchange(self, words: Mapping[str, Sequence[str]], question: str) -> str | None:
        """Replace a word by another of the same kind, such as its opposite."""
        split = question.split()
        found = [at for at, word in enumerate(split) if word.strip(_END) in words]
        if not found:
            return None
        at = self._random.choice(found)
        split[at] = self._random.choice(words[split[at].strip(_END)]) + _ending(split[at])
        return " ".join(split)

    def exchange_modal(self, question: str) -> str | None:
        """Replace "must" by "may"; "How can I" and "How should I" ask the same."""
        return None if question.lower().startswith("how") else self.exchange(MODALS, question)

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

    def swap_names(self, question: str) -> str | None:
        """Swap two names, unless the question has "and", "or" or "between"."""
        names = list(_NAME.finditer(question))
        if len(names) < 2 or re.search(r"\b(and|or|between|vs)\b", question):  # noqa: PLR2004
            return None
        one, other = sorted(self._random.sample(names, 2), key=re.Match.start)
        middle = question[one.end() : other.start()]
        return question[: one.start()] + other[0] + middle + one[0] + question[other.end() :]

    def narrow(self, question: str) -> str:
        """Add a condition."""
        return f"{question.rstrip(_END + ' ')} {self._random.choice(QUALIFIERS)}?"

    def qualify(self, question: str) -> str | None:
        """Add an adjective after "the": "the salary", "the average salary"."""
        adjective = self._random.choice(ADJECTIVES)
        qualified, count = _THE.subn(f"the {adjective} ", question, count=1)
        return qualified if count else None

    def reask(self, question: str) -> str | None:
        """Ask something else about the same thing."""
        return self._rewrite(question, REASKED)

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

    def reword(self, question: str) -> str | None:
        """Use another opening or wording of the same meaning."""
        return self._rewrite(question, REWORDINGS)

    def use_synonym(self, question: str) -> str | None:
        """Replace a word or phrase by one of the same meaning."""
        found = [
            (word, group)
            for group in SYNONYMS
            for word in group
            if re.search(rf"\b{word}\b", question)
        ]
        if not found:
            return None
        word, group = self._random.choice(found)
        other = self._random.choice([each for each in group if each != word])
        return re.sub(rf"\b{word}\b", other, question, count=1)

    def drop_article(self, question: str) -> str | None:
        """Leave out an article."""
        found = list(_ARTICLE.finditer(question))
        if not found:
            return None
        article = self._random.choice(found)
        return question[: article.start()] + question[article.end() :]

    def _rewrite(self, question: str, patterns: Mapping[str, Sequence[str]]) -> str | None:
        """Replace the start of a question by one of another pattern that fits."""
        rewritten = [
            changed
            for pattern, others in patterns.items()
            if (match := re.match(pattern, question))
            for other in others
            if (changed := match.expand(other) + question[match.end() :]) != question
        ]
        return self._random.choice(rewritten) if rewritten else None

    def _mistyped(self, word: str) -> str:
        at = self._random.randrange(1, len(word) - 1)
        start, letter, end = word[:at], word[at], word[at + 1 :]
        letters = [end[0] + letter, "", letter * 2, self._random.choice("aeiourstln")]
        (kind,) = self._random.choices(range(len(letters)), [40, 30, 15, 15])
        return start + letters[kind] + (end[1:] if kind == 0 else end)


def _ending(word: str) -> str:
    return word[-1] if word[-1] in _END else ""
