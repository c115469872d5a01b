"""The embedded default: all of Tercet on this machine, in one folder.

Notes are in SQLite, the cache in a Valkey of the folder's own; MiniLM embeds, and answers quote
the notes. What environment variables name takes the place of the embedded part.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.container import Container
from shared.errors import ConfigurationError
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.inference.ports import Embedder

DATA = Path(".tercet")

# On a busy machine of one's own the cache is worth more patience than in a deployment.
_DEFAULTS = {"REDIS_CACHE_TIMEOUT": "1"}
# Two busy processors read a full prompt in half a minute.
_PATIENT = {"HF_TIMEOUT": "120"}


class Model(StrEnum):
    """What writes the answers."""

    EXTRACTIVE = "extractive"
    SMOLLM2 = "smollm2"
    HUGGINGFACE = "huggingface"


@contextmanager
def open_embedded(
    data: Path,
    *,
    model: Model | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Container]:
    """Open a data folder; everything that was started for it ends with the block.

    Several processes may have one folder open. The container's connections are the caller's to
    close, on the loop that they were opened on.

    Args:
        data: the folder; it is made if it is not there.
        model: what writes the answers; None is Hugging Face where the environment has a token
            or names another chat server, and quoting without.
        environ: environment variables, as `Settings` knows them.

    Raises:
        ConfigurationError: a setting makes no sense, or an extra is not installed.
        UnavailableError: a server did not start.
    """
    given = _DEFAULTS | {name: value for name, value in environ.items() if value.strip()}
    with ExitStack() as started:
        _make_private(data)
        if "DATABASE_URL" not in given:
            given["DATABASE_URL"] = f"sqlite:///{data.resolve() / 'notes.db'}"
        if "REDIS_CACHE_URL" not in given:
            # Here, because with another Redis it need not be there.
            from infra.local.valkey_supervisor import shared_valkey  # noqa: PLC0415

            given["REDIS_CACHE_URL"] = started.enter_context(shared_valkey(data / "cache"))
        model = model or _chosen(given)
        if model is Model.SMOLLM2:
            given = _PATIENT | given | started.enter_context(_smollm2())
        embedder = minilm()
        settings = Settings.from_env(given)
        if model is Model.EXTRACTIVE:
            from shared.inference.extractive import ExtractiveAnswerer  # noqa: PLC0415 - see above

            yield Container(settings, embedder=embedder, answerer=ExtractiveAnswerer(embedder))
        else:
            _require_host(model, given)
            yield Container(settings, embedder=embedder)


@cache
def minilm() -> "Embedder":
    """MiniLM, whose weights a process reads once."""
    from infra.local.caching_embedder import CachingEmbedder  # noqa: PLC0415 - as above
    from infra.local.minilm import MiniLMEmbedder  # noqa: PLC0415 - numpy takes a tenth of a second

    return CachingEmbedder(MiniLMEmbedder())


def _make_private(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"{data} cannot be used for data: {error.strerror}") from None
    if not os.access(data, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{data} cannot be used for data: it may not be written to")


def _chosen(given: Mapping[str, str]) -> Model:
    named = {"HF_TOKEN", "HF_TOKEN_SECRET", "HF_CHAT_URL"} & given.keys()
    return Model.HUGGINGFACE if named else Model.EXTRACTIVE


def _require_host(model: Model, given: Mapping[str, str]) -> None:
    if model is Model.HUGGINGFACE and _chosen(given) is not model:
        raise ConfigurationError("set HF_TOKEN to a Hugging Face token, or HF_CHAT_URL to a server")


@contextmanager
def _smollm2() -> Iterator[dict[str, str]]:
    """Serve the small model: the settings with which the Hugging Face adapter asks it."""
    from infra.local.smollm2 import MODEL, start_smollm2  # noqa: PLC0415 - an extra

    with start_smollm2() as url:
        yield {
            "HF_CHAT_URL": f"{url}/v1/chat/completions",
            "HF_CHAT_MODEL": MODEL,
            "HF_TOKEN": "",
            "HF_PROMPT_PRICE": "0",
            "HF_COMPLETION_PRICE": "0",
        }
