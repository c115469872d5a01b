"""`tercet export`: print all stored data of a user."""

from infra.export import export_user
from infra.local.commands.command_context import print_json, run_with_container
from infra.local.commands.options import DEFAULT_USER, Data, User
from infra.local.embedded import DATA


def export(*, user: User = DEFAULT_USER, data: Data = DATA) -> None:
    """Print a user's notes and cached questions as one JSON document."""
    print_json(run_with_container(data, lambda container: export_user(container, user)))
