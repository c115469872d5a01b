"""The Lambda handler; nothing is opened before the first question."""

from functions.application import behind_gateway
from functions.ask.app import create_app
from functions.opening import open_container

container = open_container()
handler = behind_gateway(create_app(container))
