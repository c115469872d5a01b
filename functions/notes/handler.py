"""The AWS Lambda handler. Connections open with the first request."""

from functions.bootstrap import open_container
from functions.http.gateway import GatewayHandler
from functions.notes.app import create_app

container = open_container()
handler = GatewayHandler(create_app(container))
