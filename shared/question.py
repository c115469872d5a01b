"""A user's question and its identity.

The identity is the question's canonical form: its cache key and the text that is embedded.
Spellings with one identity count as one question. The model gets the wording.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Self

from shared.conversation import FollowUp, Turn
from shared.errors import InvalidRequestError
from shared.local_day import Day
from shared.tags import Tags, normalize_question_tags
from shared.text.canonical_form import canonical_form
from shared.text.relative_dates import depends_on_day
from shared.text.token_estimate import embeddable_beginning

MAX_CHARACTERS = 4_000
EMBEDDING_MAX_TOKENS = 256
"""The most tokens of a text that all-MiniLM-L6-v2 embeds."""


@dataclass(frozen=True, slots=True)
class Request:
    """One user's question and how to answer it.

    `no_cache`: generate a new answer, which replaces the cached one. `no_store`: neither read nor
    write the cache. `exact`: refuse the answer to another question. `seconds`: the longest time
    that the answer may take; None is the default of the settings. `history`: the turns before the
    question, the oldest first. `tags`: search only notes that have at least one of them, as the
    user wrote them; none: search all notes.
    """

    user_id: str
    query: str
    no_cache: bool = False
    no_store: bool = False
    exact: bool = False
    seconds: float | None = None
    history: tuple[Turn, ...] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A valid question.

    `wording` is the user's text and `identity` its canonical form. `embedded` is the beginning of
    the identity that the embedding model can take. `day` is the day of the request if the answer
    depends on it, as that to "What did I do yesterday?" does. `follow_up` is None without a
    history. The text of a follow-up that was rewritten is the stand-alone question. `tags` are part
    of what is asked: questions of one identity with other tags share neither answers nor matches.
    """

    wording: str
    identity: str
    embedded: str
    day: Day | None = None
    follow_up: FollowUp | None = None
    tags: Tags = ()

    @classmethod
    def parse(
        cls,
        text: str,
        max_tokens: int = EMBEDDING_MAX_TOKENS,
        time_zone: tzinfo = UTC,
        tags: Collection[str] = (),
    ) -> Self:
        """Validate a user's text.

        Args:
            text: the user's text.
            max_tokens: the most tokens that the embedding model takes.
            time_zone: decides which day it is.
            tags: those that the user named.

        Raises:
            InvalidRequestError: it is empty, too long, not valid Unicode, or without any letter
                or digit; or a tag is empty or too long, or there are too many.
        """
        if len(text) > MAX_CHARACTERS:
            raise InvalidRequestError(
                f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed"
            )
        if not text.isascii() and any(unicodedata.category(each) == "Cs" for each in set(text)):
            raise InvalidRequestError("the question holds a lone surrogate, which is not text")
        identity = canonical_form(text)
        if not any(map(str.isalnum, identity)):
            raise InvalidRequestError("the question must hold at least one letter or digit")
        day = Day.now(time_zone) if depends_on_day(identity) else None
        embedded = embeddable_beginning(identity, max_tokens)
        tags = normalize_question_tags(tags)
        return cls(text.strip(), identity, embedded, day, tags=tags)

    @property
    def truncated(self) -> bool:
        """Whether only the beginning was embedded. Then no other question matches this one."""
        return self.embedded != self.identity

    @property
    def is_unresolved(self) -> bool:
        """Whether its meaning depends on its history, so that it has no place in the cache."""
        return self.follow_up is not None and self.follow_up.use == "unresolved"

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history that the prompt needs: that of an unresolved question."""
        return self.follow_up.turns if self.follow_up else ()


def is_truncated(wording: str, max_tokens: int = EMBEDDING_MAX_TOKENS) -> bool:
    """Return whether only the beginning of a cached question was embedded."""
    identity = canonical_form(wording)
    return embeddable_beginning(identity, max_tokens) != identity
