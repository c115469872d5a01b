"""Request and response bodies of `ask`."""

from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field

# pydantic supports `typing.TypedDict` from Python 3.12 on.
from typing_extensions import TypedDict

from shared.conversation import Turn
from shared.question import MAX_CHARACTERS
from shared.tags import MAX_QUESTION_TAGS, MAX_TAG_CHARACTERS

Tier = Annotated[str, Field(json_schema_extra={"enum": ["l1", "l2", "l3"]})]
Match = Annotated[str, Field(json_schema_extra={"enum": ["exact", "semantic"]})]
CacheState = Annotated[
    str, Field(json_schema_extra={"enum": ["ok", "unavailable", "failed", "off"]})
]
HistoryUse = Annotated[
    str, Field(json_schema_extra={"enum": ["not_needed", "rewritten", "unresolved"]})
]
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class TurnBody(BaseModel):
    """One message of the conversation before the question."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class AskBody(BaseModel):
    """A question of at most 4,000 characters. Null stands for an omitted field.

    `tags`: only notes that have at least one of these tags are searched; without any, all notes.
    Case, `#` at the start and superfluous white space do not matter. `match`: `exact` disables
    semantic matching. `explain`: adds `match_rejection` to `metadata`: the reason why the nearest
    cached question was not a match.

    `history`: the turns of the conversation before the question, the oldest first. The latest 20
    turns of together 16,000 characters are used. A question that depends on them is rewritten to
    one that stands alone: see `metadata`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    query: Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_CHARACTERS})]
    tags: (
        Annotated[
            list[Annotated[str, Field(json_schema_extra={"maxLength": MAX_TAG_CHARACTERS})]],
            Field(json_schema_extra={"maxItems": MAX_QUESTION_TAGS}),
        ]
        | None
    ) = None
    match: Literal["any", "exact"] | None = "any"
    explain: bool | None = False
    history: list[TurnBody] | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history as plain values."""
        return tuple(Turn(turn.role, turn.content) for turn in self.history or ())


class FeedbackBody(BaseModel):
    """Feedback on an answer, named by the `answer_id` of its metadata."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answer_id: Annotated[str, Field(min_length=1, max_length=64)]
    verdict: Literal["wrong"]


class RetrievedSource(TypedDict):
    """A retrieved chunk of a note; `similarity` is its cosine with the question.

    `title` is the note's.
    """

    chunk_id: str
    content: str
    note_id: str
    title: str
    similarity: float


class SourceBody(RetrievedSource):
    """A source of an answer. `cited`: the answer cites the chunk by its position, from 1."""

    cited: bool


class Metadata(TypedDict):
    """Where the answer came from.

    `tags` are those of the question, as they are compared. `history` is how the conversation
    before the question was used: `rewritten` if the question depends on it, then
    `standalone_question` is what was looked up and answered; `not_needed` if it stands alone;
    `unresolved` if it depends on it and could not be rewritten, then the answer was neither read
    from the cache nor stored. Without a history it is null.

    `timestamp` is the time of generation (UTC), `age` the seconds since then. `ttl` are the seconds
    until the cached answer expires, negative if it is stale, or null if it is not cached; each hit
    extends it, up to `CACHE_QUERY_TTL_MAX` after the generation. `tier` is the deepest tier that
    saved work: `l1` (generation), `l3` (search) or `l2` (embedding). `matched_question` is the
    question that the answer was generated for, if it is another one, and `similarity` the cosine of
    both. `probability` is that one answer serves both, by the pair model, if it was asked
    for this reply. With `explain`, `match_rejection` is the reason why the nearest cached question
    was not a match; `rejected_similarity` and `rejected_probability` are those of this question.
    `truncated`: only the beginning of the question was embedded.

    While the language model fails, an answer may be `stale` (expired, but not affected by a note
    change) or `extractive` (quoted from the notes, not stored). An `incomplete` answer ends
    early, for example at the limit `ANSWER_MAX_TOKENS`. It is not stored.

    `valid_on` is the day of the request, in the time zone `TIME_ZONE`, if the answer depends on it.
    The answer is served on this day only.
    """

    query: str
    tags: list[str]
    history: HistoryUse | None
    standalone_question: str | None
    cached: bool
    timestamp: Timestamp
    tier: Tier | None
    match: Match | None
    matched_question: str | None
    similarity: float | None
    probability: float | None
    stale: bool
    extractive: bool
    incomplete: bool
    age: int
    ttl: int | None
    cache: CacheState
    answer_id: str | None
    model: str | None
    truncated: bool
    valid_on: Annotated[str, Field(json_schema_extra={"format": "date"})] | None
    match_rejection: NotRequired[str | None]
    rejected_similarity: NotRequired[float | None]
    rejected_probability: NotRequired[float | None]


class MetadataEvent(TypedDict):
    """The event `metadata`: what is known before the text. `tier` and `match` as in `Metadata`."""

    tier: Tier | None
    match: Match | None
    sources: list[RetrievedSource]


class DeltaEvent(TypedDict):
    """The event `delta`: the next part of the answer."""

    text: str


class ErrorEvent(TypedDict):
    """The event `error`: a problem document (RFC 9457), after which the stream ends.

    `discard`: the text of this stream is no answer. `retry_after`: seconds until a retry may
    succeed, if known.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    discard: bool
    retry_after: int | None


class AnswerBody(TypedDict):
    """An answer from the caller's own notes."""

    answer: str
    sources: list[SourceBody]
    metadata: Metadata
