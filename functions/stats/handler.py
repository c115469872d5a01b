"""The Lambda handler; nothing is opened before the first request."""

from functions.bootstrap import open_container
from functions.http.app_factory import behind_gateway
from functions.stats.app import create_app

container = open_container()
handler = behind_gateway(create_app(container))
