"""The Lambda handler; nothing is opened before the first request."""

from functions.application import behind_gateway
from functions.stats.app import create_app
from shared.container import Container
from shared.telemetry import configure

container = Container.from_env()
configure(container.settings)
handler = behind_gateway(create_app(container))
