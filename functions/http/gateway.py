"""Lambda handler for HTTP events of API Gateway and load balancers."""

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mangum import Mangum
from mangum.handlers import ALB, HTTPGateway
from mangum.protocols import HTTPCycle
from starlette.requests import Request

from functions.http.middleware import request_id
from functions.http.problems import PROBLEM_MEDIA_TYPE, problem_response
from functions.warm_up import is_warm_up
from shared.errors import InvalidRequestError

if TYPE_CHECKING:
    from mangum.types import ASGI, LambdaContext, LambdaEvent, Scope

_log = logging.getLogger(__name__)


class GatewayHandler(Mangum):
    """Runs an ASGI app on HTTP events, and refuses malformed events.

    One event loop and one set of clients serve all invocations of the process; the lifespan is
    off, because Mangum would run start-up and shut-down with every invocation.
    """

    def __init__(self, app: "ASGI") -> None:
        text_types = ["text/", "application/json", PROBLEM_MEDIA_TYPE]
        super().__init__(
            app,
            lifespan="off",
            text_mime_types=text_types,
            custom_handlers=[ALB, _HTTPGateway],  # Mangum infers the type in this order
        )

    def __call__(self, event: "LambdaEvent", context: "LambdaContext") -> dict[str, Any]:
        """Respond to one event.

        Raises:
            InvalidRequestError: it is not an HTTP event. A response would acknowledge the messages
                of a queue that triggers this function by mistake.
        """
        try:
            adapter = self.infer(event, context)
            cycle = HTTPCycle(_validated(adapter.scope), adapter.body)
        except Exception as error:
            # Mangum does not validate events.
            if is_warm_up(event):
                return {"statusCode": 204}
            if not (isinstance(event, Mapping) and "requestContext" in event):
                raise InvalidRequestError(
                    "this function only takes HTTP events of API Gateway or a load balancer"
                ) from None
            return _malformed_event(error, event, context)
        return adapter(cycle(self.app))


class _HTTPGateway(HTTPGateway):
    """Mangum's handler of HTTP APIs, which would create the scope again for the response."""

    @cached_property
    def scope(self) -> "Scope":
        return super().scope


def _validated(scope: "Scope") -> "Scope":
    """Return the scope, its path without the name of the stage.

    Only HTTP APIs have the stage in the path.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html
    """
    method, path, scheme = scope["method"], scope["path"], scope["scheme"]
    if not (isinstance(method, str) and isinstance(path, str) and isinstance(scheme, str)):
        raise TypeError("method, path and scheme must be strings")
    match scope.get("aws.event"):
        case {"version": "2.0", "requestContext": {"stage": str(stage)}}:
            if f"{path}/".startswith(f"/{stage}/"):
                scope["path"] = path.removeprefix(f"/{stage}") or "/"
    return scope


def _malformed_event(
    error: Exception, event: "LambdaEvent", context: "LambdaContext"
) -> dict[str, Any]:
    """Build a problem in the response format that all supported gateways share."""
    request = Request({"type": "http", "aws.context": context})
    log_fields = {"request_id": request_id(request.scope), "error": type(error).__name__}
    _log.warning("malformed event", extra={"log_fields": log_fields})
    response = problem_response(request, 400, "malformed event: it is not a valid HTTP request")
    lambda_response: dict[str, Any] = {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }
    if "multiValueHeaders" in event:
        lambda_response["multiValueHeaders"] = {k: [v] for k, v in response.headers.items()}
    return lambda_response
