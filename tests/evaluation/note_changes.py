"""Random note changes: edits, additions, new notes and deletions."""

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

from shared.notes.messages.note_changed import NoteChanged, Operation
from tests.support.data import DATA
from tests.support.full_stack import updated

_KINDS = {"edited": 20, "appended": 12, "new": 10, "deleted": 8}
"""The number of each kind among 50 changes."""

_PARAGRAPH_WORDS = range(30, 200)
_NEW_NOTE_PARAGRAPHS = 3


def changes(
    user: str, notes: Mapping[str, str], count: int, generator: random.Random
) -> Iterator[tuple[str, NoteChanged]]:
    """Draw changes of a user's notes, each with its kind and the complete new text."""
    texts = dict(notes)
    kinds = [kind for kind, share in _KINDS.items() for _ in range(share)]
    for number in range(count):
        if number % len(kinds) == 0:
            generator.shuffle(kinds)
        kind = kinds[number % len(kinds)]
        note_id = f"new-{number}" if kind == "new" else generator.choice(sorted(texts))
        if kind == "deleted":
            del texts[note_id]
            yield (
                kind,
                NoteChanged(
                    user_id=user,
                    note_id=note_id,
                    operation=Operation.DELETED,
                    occurred_at=datetime.now(UTC),
                ),
            )
            continue
        texts[note_id] = _change_text(kind, texts.get(note_id, ""), generator)
        yield kind, updated(user, note_id, texts[note_id])


def _change_text(kind: str, text: str, generator: random.Random) -> str:
    if kind == "new":
        start = generator.randrange(len(_paragraphs()) - _NEW_NOTE_PARAGRAPHS)
        return "\n\n".join(_paragraphs()[start : start + _NEW_NOTE_PARAGRAPHS])
    paragraph = generator.choice(_paragraphs())
    if kind == "appended":
        return f"{text}\n\n{paragraph}"
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    place = generator.randrange(len(paragraphs))
    sentences = paragraphs[place].split(". ")
    # An edit replaces one sentence of a paragraph.
    sentences[generator.randrange(len(sentences))] = paragraph.split(". ")[0].rstrip(".")
    paragraphs[place] = ". ".join(sentences)
    return "\n\n".join(paragraphs)


@cache
def _paragraphs() -> list[str]:
    """Return the paragraphs of the sermons, without headings and very long ones."""
    return [
        part.strip()
        for path in sorted((DATA / "notes" / "sermons").glob("*.md"))
        for part in path.read_text("utf-8").split("\n\n")
        if len(part.split()) in _PARAGRAPH_WORDS and not part.startswith("#")
    ]
