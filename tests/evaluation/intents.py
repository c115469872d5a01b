"""Labelled phrasings of intents, and a note for each intent."""

import random
from collections import defaultdict
from dataclasses import dataclass

from tests.evaluation.datasets import draw_popular, rows
from tests.evaluation.matching_strategies import Asked

_IN_NOTE = 3
FILES = {
    "clinc150": ("pairs/clinc150_test.tsv", "text", "intent"),
    "banking77": ("pairs/banking77_test.csv", "text", "category"),
}


@dataclass(frozen=True, slots=True)
class Intents:
    """Notes and questions of a data set, by intent.

    A note has the intent's name and three phrasings, as in a list of frequent questions. The other
    phrasings are the questions.
    """

    notes: dict[str, str]
    phrasings: dict[str, list[str]]

    @classmethod
    def load(cls, name: str) -> "Intents":
        """Load one of `FILES`."""
        path, text, intent = FILES[name]
        of_intent: dict[str, list[str]] = defaultdict(list)
        for row in rows(path):
            of_intent[row[intent]].append(row[text].strip())
        return cls(
            notes={
                intent: "\n".join([intent.replace("_", " "), *phrasings[:_IN_NOTE]])
                for intent, phrasings in of_intent.items()
            },
            phrasings={intent: phrasings[_IN_NOTE:] for intent, phrasings in of_intent.items()},
        )

    def stream(self, user: str, count: int, generator: random.Random) -> list[Asked]:
        """Draw phrasings with repetition: intents by popularity, their phrasings uniformly."""
        intents = generator.sample(sorted(self.phrasings), len(self.phrasings))
        return [
            Asked(user, generator.choice(self.phrasings[intent]), intent)
            for intent in draw_popular(intents, count, generator)
        ]
