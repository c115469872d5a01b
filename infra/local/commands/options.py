"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from infra.local.embedded import DATA, Model
from infra.local.embedder_choice import EmbedderChoice
from shared.notes.sanitize import require_id


class ChoiceOf(click.Choice[str]):
    """One of the values of an enumeration."""

    def __init__(self, values: type[StrEnum]) -> None:
        super().__init__([each.value for each in values])
        self._values = values

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> StrEnum:
        """Return the member for a value; click documents the parameters."""
        return self._values(super().convert(value, param, ctx))


def _user(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    require_id("--user", value)
    return value


data_option = click.option(
    "--data",
    metavar="DIR",
    envvar="TERCET_DATA",
    show_envvar=True,
    default=DATA,
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help="The folder with notes and cache.",
)
user_option = click.option(
    "-u",
    "--user",
    metavar="USER",
    envvar="TERCET_USER",
    show_envvar=True,
    default="me",
    callback=_user,
    help="The user id.",
)
model_option = click.option(
    "--model",
    type=ChoiceOf(Model),
    show_default="huggingface if HF_TOKEN, LLM_TOKEN or a chat URL is set, else extractive",
    help="The model that generates answers.",
)
embedder_option = click.option(
    "--embedder",
    type=ChoiceOf(EmbedderChoice),
    show_default="that of the data folder, in a new one minilm",
    help="The model that embeds notes and questions: minilm is for English, multilingual for"
    " about 100 languages.",
)
tag_option = click.option(
    "--tag", multiple=True, help="Search only notes that have one of these tags; may be repeated."
)
json_option = click.option("--json", is_flag=True, help="Print JSON only.")
