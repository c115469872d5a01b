"""What can go wrong, as a tree, and the HTTP status that each kind has.

Adapters translate what their libraries raise into these, each in one place; the functions
turn them into RFC 9457 problem documents. Nothing else needs to know either side.
"""

from http import HTTPStatus


class TercetError(Exception):
    """The root: anything Tercet raises on purpose.

    `str(error)` is fit to be shown to the caller: it says what was wrong and what would be
    right, and holds neither secrets nor anyone's notes.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Internal error"


class ConfigurationError(TercetError):
    """A setting is missing or does not make sense; raised when a container starts."""

    title = "Misconfigured"


class InvalidRequestError(TercetError):
    """The caller sent something that can never be answered as it stands."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid request"


class InvalidChangeError(TercetError):
    """A message of a note change that does not say what it must."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid note change"


class UnauthenticatedError(TercetError):
    """Nobody, or nobody who could be verified, is asking."""

    status = HTTPStatus.UNAUTHORIZED
    title = "Unauthenticated"


class ForbiddenError(TercetError):
    """The caller is known and may not do this."""

    status = HTTPStatus.FORBIDDEN
    title = "Forbidden"


class NotFoundError(TercetError):
    """The thing asked for is not there."""

    status = HTTPStatus.NOT_FOUND
    title = "Not found"


class UnavailableError(TercetError):
    """Something that Tercet depends on does not answer; the same request may work later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """`retry_after`: seconds after which it is worth trying again, where that is known."""
        super().__init__(message)
        self.retry_after = retry_after


class CacheUnavailableError(UnavailableError):
    """Redis did not answer in time, or not with sense. Never fails a question."""


class CacheFullError(CacheUnavailableError):
    """Redis has no room left for what was to be written."""


class StoreUnavailableError(UnavailableError):
    """The note store did not answer."""


class InferenceError(UnavailableError):
    """The model did not give a usable answer."""

    status = HTTPStatus.BAD_GATEWAY
    title = "Model failed"


class InferenceUnavailableError(InferenceError):
    """The model is loading, busy, limiting our rate or out of reach."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Model unavailable"


class CircuitOpenError(InferenceUnavailableError):
    """The model has failed too often of late, so it is not even asked."""


class InferenceTimeoutError(InferenceError):
    """The model did not answer within the request's deadline."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    title = "Model timed out"


class InferenceRefusedError(InferenceError):
    """The model's host refuses this token, model or input: trying again will not help."""
