"""Phrasings that people gave for what they wanted, by intent, and a note for each intent."""

import random
from collections import defaultdict
from dataclasses import dataclass

from tests.evaluation.arms import Asked
from tests.evaluation.material import draw_popular, rows

_IN_NOTE = 3
FILES = {
    "clinc150": ("pairs/clinc150_test.tsv", "text", "intent"),
    "banking77": ("pairs/banking77_test.csv", "text", "category"),
}


@dataclass(frozen=True, slots=True)
class Intents:
    """`notes` by intent: its name and three phrasings, as in a list of frequent questions.

    `phrasings` are the others, by intent: they are what is asked.
    """

    notes: dict[str, str]
    phrasings: dict[str, list[str]]

    @classmethod
    def read(cls, name: str) -> "Intents":
        """Read one of `FILES`."""
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
        """Draw phrasings with repetition: some intents are popular, within one all are alike."""
        intents = generator.sample(sorted(self.phrasings), len(self.phrasings))
        return [
            Asked(user, generator.choice(self.phrasings[intent]), intent)
            for intent in draw_popular(intents, count, generator)
        ]
