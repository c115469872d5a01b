"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from infra.local.embedded import Model
from infra.local.embedder_choice import EmbedderChoice
from shared.notes.sanitize import require_id


def _user(value: str) -> str:
    require_id("--user", value)
    return value


Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        file_okay=False,
        writable=True,
        help="The folder with notes and cache.",
    ),
]
User = Annotated[
    str,
    typer.Option(
        "--user", "-u", metavar="USER", envvar="TERCET_USER", callback=_user, help="The user id."
    ),
]
ModelOption = Annotated[
    Model | None,
    typer.Option(
        "--model",
        help="The model that generates answers.",
        show_default="huggingface if HF_TOKEN, LLM_TOKEN or a chat URL is set, else extractive",
    ),
]
EmbedderOption = Annotated[
    EmbedderChoice | None,
    typer.Option(
        "--embedder",
        help="The model that embeds notes and questions: minilm knows English only, multilingual"
        " about 100 languages.",
        show_default="that of the data folder, in a new one minilm",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]

DEFAULT_USER = "me"
