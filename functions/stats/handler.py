"""The Lambda handler; nothing is opened before the first request."""

from functions.bootstrap import open_container
from functions.http.app_factory import gateway_handler
from functions.stats.app import create_app

container = open_container()
handler = gateway_handler(create_app(container))
