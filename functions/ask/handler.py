"""AWS Lambda handler; connections are opened with the first question."""

from functions.ask.app import create_app
from functions.bootstrap import open_container
from functions.http.gateway import GatewayHandler

container = open_container()
handler = GatewayHandler(create_app(container))
