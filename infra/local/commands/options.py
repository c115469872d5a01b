"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

from infra.local.embedded import DATA, Model
from shared.notes.sanitize import require_id


def _folder(context: typer.Context, value: Path) -> Path:
    """The command's own, else what stands before the command: `tercet --data DIR ask ...`."""
    before: Path = context.find_root().params.get("data", DATA)
    return before if value == DATA else value


def _user(value: str) -> str:
    require_id("--user", value)
    return value


Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        callback=_folder,
        file_okay=False,
        help="The folder that keeps notes and cache.",
    ),
]
User = Annotated[
    str,
    typer.Option(
        "--user", "-u", metavar="USER", envvar="TERCET_USER", callback=_user, help="Whose notes."
    ),
]
ModelOption = Annotated[
    Model | None,
    typer.Option(
        "--model",
        help="What writes the answers.",
        show_default="huggingface where HF_TOKEN or HF_CHAT_URL is set, else extractive",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]

ME = "me"
"""Whose notes they are where nobody is named."""
