"""AWS Lambda handler; connections are opened with the first question."""

from functions.ask.app import create_app
from functions.bootstrap import open_container
from functions.http.app_factory import gateway_handler

container = open_container()
handler = gateway_handler(create_app(container))
