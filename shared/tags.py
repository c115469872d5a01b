"""Tags of notes and questions, and which notes a question with tags searches. Pure.

A question that names tags is answered from the notes that have at least one of them, as `$in` of
Pinecone, `ContainsAny` of Weaviate and `&&` of PostgreSQL select. One without tags is answered from
all notes. Tags are compared in the one form that `normalize_tag` returns.
"""

import unicodedata
from collections.abc import Collection, Iterable
from typing import TypeAlias

from shared.errors import InvalidRequestError
from shared.notes.sanitize import sanitize_text

MAX_TAG_CHARACTERS = 100
MAX_NOTE_TAGS = 100
MAX_QUESTION_TAGS = 20

Tags: TypeAlias = tuple[str, ...]
"""Normalized tags: sorted, each once."""


def normalize_tag(tag: str) -> str:
    """Return a tag without `#` at its start, case and superfluous white space; it may be empty.

    Tags are equal if they are canonical caseless matches (The Unicode Standard, section 3.13).
    """
    text = " ".join(sanitize_text(tag).split()).lstrip("# ")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def normalize_note_tags(tags: Iterable[str]) -> Tags:
    """Return the tags of a note; empty ones are left out."""
    return tuple(sorted({normalize_tag(tag) for tag in tags} - {""}))


def normalize_question_tags(tags: Collection[str]) -> Tags:
    """Return the tags of a question. Their order and repetitions do not matter.

    Raises:
        InvalidRequestError: there are too many, or one is empty or too long.
    """
    if not tags:
        return ()
    if len(tags) > MAX_QUESTION_TAGS:
        raise InvalidRequestError(
            f"the question names {len(tags):,} tags; at most {MAX_QUESTION_TAGS} are allowed"
        )
    for number, tag in enumerate(map(normalize_tag, tags), start=1):
        if len(tag) > MAX_TAG_CHARACTERS:
            raise InvalidRequestError(
                f"tag {number} of the question has {len(tag):,} characters; at most"
                f" {MAX_TAG_CHARACTERS} are allowed"
            )
        if not tag:
            raise InvalidRequestError(
                f"tag {number} of the question is empty; omit tags to search all notes"
            )
    return normalize_note_tags(tags)


def searches(question_tags: Tags, note_tags: Collection[str]) -> bool:
    """Return whether a question with these tags searches a note with those."""
    return not question_tags or not set(question_tags).isdisjoint(note_tags)


def join_tags(tags: Tags) -> str:
    """Return tags as one text, a line each: no tag contains a line break."""
    return "\n".join(tags)


def split_tags(text: str) -> Tags:
    """Return the tags of a text of `join_tags`."""
    return tuple(text.split("\n")) if text else ()
