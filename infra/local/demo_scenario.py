"""What `tercet demo` goes through, and what must come of each step."""

from dataclasses import dataclass
from pathlib import Path

from shared.errors import TercetError
from shared.notes.file_import import ImportedNote

SAMPLES = Path(__file__).with_name("sample_notes")

ANN, BEN = "ann", "ben"
QUESTION = "What is faith?"
OTHER_QUESTION = "Who may be an elder?"
BENS_NOTE = ImportedNote(
    "grandmother",
    "What grandmother said",
    "Faith is lighting the stove before the wood has come, my grandmother used to say.",
)

EDITED = "faith-and-trust"
BEFORE = "Faith is being sure of what we hope for and certain of what we do not see."
AFTER = "Faith is to put your whole weight on what God has promised."


class UnexpectedError(TercetError):
    """A step came out otherwise than Tercet promises."""


@dataclass(frozen=True, slots=True)
class Step:
    """A question, and the tiers and the match that it may come out with."""

    user: str
    query: str
    what: str
    tiers: tuple[str | None, ...]
    match: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Questions, one after the other."""

    title: str
    steps: tuple[Step, ...]


_MISS = (None, "l2", "l3")

TIERS = Scene(
    "One question five times, and another one",
    (
        Step(ANN, QUESTION, "a miss", _MISS),
        Step(ANN, QUESTION, "an exact hit", ("l1",), "exact"),
        Step(ANN, "what is   FAITH", "another spelling", ("l1",), "exact"),
        Step(ANN, "What does faith mean?", "another wording", ("l1",), "semantic"),
        Step(BEN, QUESTION, "another user's miss", ("l2",)),
        Step(ANN, OTHER_QUESTION, "a miss", _MISS),
    ),
)
AFTER_EDIT = Scene(
    "Both questions again",
    (
        Step(ANN, QUESTION, "a new answer", _MISS),
        Step(ANN, OTHER_QUESTION, "its neighbour still hits", ("l1",), "exact"),
    ),
)
