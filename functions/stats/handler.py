"""The Lambda handler; nothing is opened before the first request."""

from functions.application import behind_gateway
from functions.opening import open_container
from functions.stats.app import create_app

container = open_container()
handler = behind_gateway(create_app(container))
