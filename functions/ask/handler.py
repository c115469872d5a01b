"""The Lambda handler; nothing is opened before the first question."""

from functions.ask.app import create_app
from functions.bootstrap import open_container
from functions.http.app_factory import behind_gateway

container = open_container()
handler = behind_gateway(create_app(container))
