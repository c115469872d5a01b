"""The messages of the queue of cache warming."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import InvalidRequestError
from shared.message_validation import describe_problems
from shared.notes.sanitize import ID_CHARACTERS
from shared.question import MAX_CHARACTERS

MAX_QUESTIONS = 100
"""The maximum number of questions of a message."""

_Id = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS, pattern=r"^[^\x00]*$")]
_Question = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class WarmingMessage(BaseModel):
    """Requests warming of what note changes made pending, or of given questions; or a verdict.

    Unknown fields are ignored.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    user_id: _Id
    fence: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """The fence after a note change. If it is not the user's any more, the message is discarded."""
    questions: Annotated[list[_Question], Field(min_length=1, max_length=MAX_QUESTIONS)] | None = (
        None
    )
    """Questions to answer in advance, instead of a fence."""
    tags: list[str] = []
    """The tags of each of these questions."""
    answer_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Instead: the id of a response whose match is to be judged."""

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        if sum(each is not None for each in (self.fence, self.questions, self.answer_id)) != 1:
            raise ValueError("must have exactly one of fence, questions and answer_id")
        return self


def parse_message(body: str | dict[str, Any]) -> WarmingMessage:
    """Parse a message.

    Raises:
        InvalidRequestError: it is not JSON or not a valid `WarmingMessage`; the error names the
            fields and never their values.
    """
    try:
        if isinstance(body, str):
            return WarmingMessage.model_validate_json(body)
        return WarmingMessage.model_validate(body)
    except ValidationError as error:
        raise InvalidRequestError(f"not a WarmingMessage: {describe_problems(error)}") from None
