"""`tercet export`: print all stored data of a user."""

from pathlib import Path

import click

from infra.export import export_user
from infra.local.commands.command_context import print_json, run_with_container
from infra.local.commands.options import data_option, user_option


@click.command()
@user_option
@data_option
def export(*, user: str, data: Path) -> None:
    """Print a user's notes and cached questions as one JSON document."""
    print_json(
        run_with_container(data, lambda container: export_user(container, user), create=False)
    )
