"""The error tree, with the HTTP status of each type.

Each adapter translates the errors of its library into these in one place. The functions turn them
into RFC 9457 problem documents.
"""

from http import HTTPStatus


class TercetError(Exception):
    """The base class of all errors that Tercet raises.

    `str(error)` may be shown to the caller. It names what was wrong and what would be right, and
    contains no secret and no private text.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Internal error"


class ConfigurationError(TercetError):
    """A setting is missing or invalid. Raised at start-up."""

    title = "Misconfigured"


class InvalidRequestError(TercetError):
    """The request is invalid: repeating it unchanged fails again."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid request"


class InvalidChangeError(TercetError):
    """The message of a note change is invalid."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid note change"


class UnauthenticatedError(TercetError):
    """The request has no valid credentials."""

    status = HTTPStatus.UNAUTHORIZED
    title = "Unauthenticated"


class ForbiddenError(TercetError):
    """The authenticated caller has no permission."""

    status = HTTPStatus.FORBIDDEN
    title = "Forbidden"


class NotFoundError(TercetError):
    """The resource does not exist."""

    status = HTTPStatus.NOT_FOUND
    title = "Not found"


class NotesNotManagedError(NotFoundError):
    """Another system owns the notes, so Tercet has no endpoints for them."""

    title = "Notes not managed"


class ConflictError(TercetError):
    """The change is older than what is stored."""

    status = HTTPStatus.CONFLICT
    title = "Conflict"


class PreconditionFailedError(TercetError):
    """The resource is not the version that the request requires."""

    status = HTTPStatus.PRECONDITION_FAILED
    title = "Precondition failed"


class UnavailableError(TercetError):
    """A dependency failed. The same request may succeed later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """`retry_after`: seconds until a retry may succeed, if known."""
        super().__init__(message)
        self.retry_after = retry_after


class CacheUnavailableError(UnavailableError):
    """Redis failed or timed out. It never fails a question."""


class CacheFullError(CacheUnavailableError):
    """Redis has no memory left for a write."""


class StoreUnavailableError(UnavailableError):
    """The note store failed or timed out."""


class ReembeddingRequiredError(UnavailableError):
    """The notes were embedded with other settings, so they cannot be searched."""

    title = "Re-embedding required"


class NoteNotEmbeddedError(UnavailableError):
    """A note's new text was stored without embeddings: its former text answers no question."""

    title = "Note not embedded"


class BudgetExceededError(UnavailableError):
    """The user's budget of generated answers for this day is used up."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Budget exceeded"


class InferenceError(UnavailableError):
    """A model returned no usable response."""

    status = HTTPStatus.BAD_GATEWAY
    title = "Model failed"

    def __init__(
        self, message: str, *, retry_after: float | None = None, cost: float = 0.0
    ) -> None:
        """`cost`: US dollars that the response cost."""
        super().__init__(message, retry_after=retry_after)
        self.cost = cost


class InferenceUnavailableError(InferenceError):
    """A model is loading, overloaded, rate-limiting or unreachable."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Model unavailable"


class CircuitOpenError(InferenceUnavailableError):
    """The circuit breaker is open after too many failures: no request was sent."""


class InferenceTimeoutError(InferenceError):
    """A model did not respond within the request's deadline."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    title = "Model timed out"


class InferenceRefusedError(InferenceError):
    """The model host refuses the token, model or input: a retry fails again."""

    parameters: frozenset[str] = frozenset()
    """The optional parameters of the request that the host's message names as refused."""


class UnusableCompletionError(InferenceRefusedError):
    """A model that works gave no answer to this request: filtered, refused or empty."""

    title = "No usable answer"


class TokenLimitError(UnusableCompletionError):
    """The token limit ended the completion before its answer began: the model reasons."""
