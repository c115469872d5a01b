"""Tercet on one machine, with all data in one folder.

By default the notes are in SQLite, the cache is a Valkey server of the folder, MiniLM embeds and
answers are extractive. Environment variables replace all but the embedder.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.embedder_choice import EmbedderChoice, choose_embedder, open_embedder
from infra.local.model_weights import MINILM, weights_folder
from infra.local.smollm2 import start_smollm2
from infra.local.valkey_supervisor import shared_valkey
from shared.container import Container
from shared.errors import ConfigurationError, NotFoundError, UnavailableError
from shared.settings import Settings
from shared.variables import variable_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.cache.redis.client import RedisClient
    from shared.inference.ports import Answerer, Completion, Embedder
    from shared.notes.note import Source

DATA = Path(".tercet")

# A busy local machine needs more time for Redis than a deployment.
_DEFAULTS = {"REDIS_CACHE_TIMEOUT": "1"}

_REDIS_ADDRESS = frozenset({"REDIS_CACHE_URL", "REDIS_CACHE_HOST", "REDIS_CACHE_PORT"})


class Model(StrEnum):
    """The model that generates answers."""

    EXTRACTIVE = "extractive"
    SMOLLM2 = "smollm2"
    HUGGINGFACE = "huggingface"


@contextmanager
def open_embedded(
    data: Path,
    *,
    model: Model | None = None,
    embedder: EmbedderChoice | None = None,
    replace_embedder: bool = False,
    cache: bool = True,
    create: bool = True,
    needs_cache: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Container]:
    """Build a container for a data folder; stop the started servers at the end of the block.

    Several processes can open one folder. The caller must close the container, on the event loop
    that used it.

    Args:
        data: the folder; created if it does not exist.
        model: the model that generates answers; by default `HUGGINGFACE` if the environment has a
            token or a chat URL, else `EXTRACTIVE`.
        embedder: the model that embeds, by default that of the folder; see `choose_embedder`.
        replace_embedder: whether `embedder` may differ from the folder's.
        create: whether a folder that does not exist is created.
        needs_cache: whether it is an error if the Valkey server does not start. A note change needs
            it, because the cache may have answers from the note.
        cache: whether a Valkey server is started; reading notes needs none.
        environ: environment variables for `Settings`.

    Raises:
        NotFoundError: the folder has no data and `create` is false.
        ConfigurationError: a setting is invalid or an extra is not installed.
        UnavailableError: a server did not start.
    """
    uses_folder = "DATABASE_URL" not in environ and _REDIS_ADDRESS.isdisjoint(environ)
    if uses_folder and not create and not (data / "notes.db").exists():
        raise NotFoundError(f"no data in {_shown(data)}; import notes: tercet notes import FOLDER")
    if "DATABASE_URL" not in environ and "?" in str(data.resolve()):  # parameters of the URL
        raise ConfigurationError(f"the path of the data folder must not contain '?': {data}")
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"cannot create the folder {data}: {error.strerror}") from None
    choice = choose_embedder(data, embedder, replace=replace_embedder)
    if create and choice is EmbedderChoice.MINILM:
        weights_folder(MINILM)  # a download takes longer than a request may
    variables = _DEFAULTS | choice.add_settings(environ)
    with ExitStack() as stack:
        if "DATABASE_URL" not in variables:
            variables["DATABASE_URL"] = f"sqlite:///{data.resolve() / 'notes.db'}"
        is_embedded = cache and _REDIS_ADDRESS.isdisjoint(variables)
        if is_embedded:
            try:
                variables["REDIS_CACHE_URL"] = stack.enter_context(shared_valkey(data / "cache"))
            except UnavailableError as error:
                if needs_cache:
                    raise
                sys.stderr.write(f"tercet: warning: without the cache: {error}\n")
                variables["CACHE_ENABLED"] = "false"
        model = model or _default_model(variables)
        if model is Model.SMOLLM2:
            # Two busy processors need half a minute for a full prompt.
            variables = _replace(variables, stack.enter_context(start_smollm2()))
            if not _has(variables, "HF_TIMEOUT"):
                variables["HF_TIMEOUT"] = "120"
        settings = Settings.from_env(variables)
        answerer = None
        if model is Model.EXTRACTIVE:
            answerer = _LazyExtractiveAnswerer(open_embedder(choice), settings)
        elif _default_model(variables) is Model.EXTRACTIVE:
            raise ConfigurationError(
                "model huggingface: set HF_TOKEN or HF_CHAT_URL, or LLM_TOKEN or LLM_CHAT_URL"
            )
        kind = _EmbeddedContainer if is_embedded else Container
        yield kind(settings, embedder=open_embedder(choice), answerer=answerer)


class _LazyExtractiveAnswerer:
    """The `ExtractiveAnswerer`, imported when it answers: an exact hit does not need it."""

    model = "extractive"

    def __init__(self, embedder: "Embedder", settings: Settings) -> None:
        self._embedder = embedder
        self._settings = settings

    async def answer(
        self, question: str, sources: "Sequence[Source]", **options: Any
    ) -> "Completion":
        return await self._answerer.answer(question, sources, **options)

    @cached_property
    def _answerer(self) -> "Answerer":
        from shared.inference.quotations.extractive import ExtractiveAnswerer  # noqa: PLC0415

        return ExtractiveAnswerer.of(self._embedder, self._settings)


class _EmbeddedContainer(Container):
    """A container with the embedded Valkey server."""

    @cached_property
    def background_redis_client(self) -> "RedisClient":
        """Redis for work that no user waits for; deletions of users also leave the file."""
        # redis is slow to load
        from infra.local.append_only_file import RewritingClient  # noqa: PLC0415

        return RewritingClient(super().background_redis_client)


def _shown(path: Path) -> str:
    return str(path) if path.is_absolute() else f".{os.sep}{path}"


def _default_model(variables: Mapping[str, str]) -> Model:
    is_set = _has(variables, "HF_TOKEN", "HF_TOKEN_SECRET", "HF_CHAT_URL")
    return Model.HUGGINGFACE if is_set else Model.EXTRACTIVE


def _has(variables: Mapping[str, str], *settings: str) -> bool:
    return any(name in variables for each in settings for name in variable_names(each))


def _replace(variables: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with these changes, also where they are set by their second name."""
    names = {name for each in changes for name in variable_names(each)}
    return {name: value for name, value in variables.items() if name not in names} | {**changes}
