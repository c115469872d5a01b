"""An app behind API Gateway or a load balancer: their events come in, their responses go out."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mangum import Mangum
from mangum.protocols import HTTPCycle
from starlette.requests import Request

from functions.http.middleware import request_id
from functions.http.problems import PROBLEM_MEDIA_TYPE, problem_response
from shared.errors import InvalidRequestError

if TYPE_CHECKING:
    from mangum.types import ASGI, LambdaContext, LambdaEvent, Scope

_log = logging.getLogger(__name__)


class GatewayHandler(Mangum):
    """A Lambda handler.

    One event loop and one set of clients serve the container's life: nothing starts or ends with
    an invocation.
    """

    def __init__(self, app: "ASGI") -> None:
        super().__init__(
            app, lifespan="off", text_mime_types=["text/", "application/json", PROBLEM_MEDIA_TYPE]
        )

    def __call__(self, event: "LambdaEvent", context: "LambdaContext") -> dict[str, Any]:
        """Answer one event.

        Raises:
            InvalidRequestError: it is not of HTTP at all. An answer would tell a queue, say, that
                its messages are dealt with.
        """
        try:
            sender = self.infer(event, context)
            cycle = HTTPCycle(_checked(sender.scope), sender.body)
        except Exception as error:
            # Mangum trusts an event to be what it should be. One that is not is somebody's, too.
            if not (isinstance(event, Mapping) and "requestContext" in event):
                raise InvalidRequestError(
                    "this function takes HTTP events of API Gateway or a load balancer alone"
                ) from None
            return _refused(error, event, context)
        return sender(cycle(self.app))


def _checked(scope: "Scope") -> "Scope":
    """Refuse what Mangum takes as it comes."""
    if not all(isinstance(scope[part], str) for part in ("method", "path", "scheme")):
        raise TypeError("method, path and scheme must be text")
    return scope


def _refused(error: Exception, event: "LambdaEvent", context: "LambdaContext") -> dict[str, Any]:
    """Write a problem in the form that all of these gateways take."""
    request = Request({"type": "http", "aws.context": context})
    log_fields = {"request_id": request_id(request.scope), "error": type(error).__name__}
    _log.warning("an event that cannot be read", extra={"log_fields": log_fields})
    response = problem_response(
        request, 400, "the gateway's event cannot be read as an HTTP request"
    )
    written: dict[str, Any] = {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }
    if "multiValueHeaders" in event:
        written["multiValueHeaders"] = {name: [v] for name, v in response.headers.items()}
    return written
