"""Programming errors of the cache fail no question: they are logged with their stack frames."""

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class _Session(Protocol):
    def disable(self) -> None:
        """Send no more commands."""


S = TypeVar("S", bound=_Session)
_Method = Callable[Concatenate[S, P], Coroutine[Any, Any, T]]


def fail_open(default: Callable[[], T]) -> Callable[[_Method[S, P, T]], _Method[S, P, T]]:
    """Return a decorator for a session's method.

    If the method raises an exception, the session is disabled and `default()` is returned.
    """

    def decorate(method: _Method[S, P, T]) -> _Method[S, P, T]:
        @wraps(method)
        async def call(session: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await method(session, *args, **kwargs)
            except Exception:
                _log.exception("unhandled exception in the cache; the question does not use it")
                session.disable()
                return default()

        return call

    return decorate
