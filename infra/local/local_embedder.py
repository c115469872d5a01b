"""What the embedding models that run in this process have in common."""

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from shared.deadline import timeout_at_deadline
from shared.errors import InferenceTimeoutError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.vectors import Vector

Loaded = TypeVar("Loaded")


class LocalEmbedder(ABC, Generic[Loaded]):
    """Implements `shared.inference.ports.Embedder` with a model that is loaded at the first use.

    Each text is computed alone, by one thread: its embedding does not depend on the other texts of
    a call.
    """

    model: str
    dimensions = 384

    def __init__(self) -> None:
        self._load_lock = threading.Lock()

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Embed each text in a worker thread: one canonical vector per text, in order.

        Raises:
            InferenceTimeoutError: the deadline has passed.
            ConfigurationError: the extra with the model is not installed.
        """
        try:
            async with timeout_at_deadline():
                rows = await asyncio.to_thread(self.encode, texts)
        except TimeoutError:
            raise InferenceTimeoutError(
                "the embedding was not computed before the deadline"
            ) from None
        from shared.vectors import canonical  # noqa: PLC0415 - numpy is slow to load

        return [canonical(row) for row in rows]

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embed each text: unit vectors, float32, shape (count, dimensions)."""
        import numpy as np  # noqa: PLC0415 - numpy is slow to load

        loaded = self._load()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rows = [*pool.map(lambda text: self._encode(loaded, text), texts)]
        return np.array(rows, np.float32).reshape(-1, self.dimensions)

    def _load(self) -> Loaded:
        with self._load_lock:
            return self._loaded

    @cached_property
    def _loaded(self) -> Loaded:
        return self._open()

    @abstractmethod
    def _open(self) -> Loaded:
        """Load the model; raise `ConfigurationError` if its extra is not installed."""

    @abstractmethod
    def _encode(self, loaded: Loaded, text: str) -> "NDArray[np.float32]":
        """Embed a text with the loaded model: a unit vector, shape (dimensions,)."""
