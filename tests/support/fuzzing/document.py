"""Requests drawn from the OpenAPI document, sent over a socket to the whole app."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from infra.local.commands.serve import build_local_app
from infra.local.valkey import start_valkey
from shared.container import Container
from shared.settings import Settings
from tests.support.fakes import SlowAnswerer
from tests.support.fuzzing.targets import NearEmbedder
from tests.support.huggingface import serving
from tests.support.stores import MemoryNoteStore

# Not among them: that what has the right form is taken. "?!" has a question's form, and says
# nothing.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]


class Door:
    """The app as a server, and its document."""

    def __init__(self, url: str, document: dict[str, Any]) -> None:
        self._url = url
        self._session = requests.Session()
        found: Any = schemathesis.openapi.from_dict(document).get_all_operations()
        operations = [each.ok() for each in found]
        self.operations = {each.label: each for each in operations}

    def cases(self) -> st.SearchStrategy[Any]:
        """Requests of every operation that takes something, as the document has them and not."""
        taking = [each for each in self.operations.values() if each.body or each.query]
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        return st.one_of(
            *(each.as_strategy(generation_mode=mode) for each in taking for mode in modes)
        )

    def send(self, case: Any) -> None:
        """Send one, and hold the answer against the document."""
        response = case.call(
            base_url=self._url, headers={"X-Tercet-User": "ann"}, session=self._session
        )
        case.validate_response(response, checks=CHECKS)

    def close(self) -> None:
        self._session.close()


@contextmanager
def opened() -> Iterator[Door]:
    """The whole app in local mode, over a Valkey and quick models."""
    with start_valkey() as valkey:
        settings = Settings(
            redis_url=valkey.url, redis_timeout=5, embedding_dimensions=8, local_mode=True
        )
        parts: Any = {"embedder": NearEmbedder(), "answerer": SlowAnswerer()}
        app = build_local_app(Container(settings, store=MemoryNoteStore(), **parts))
        with serving(app) as url:
            door = Door(url, app.openapi())
            yield door
            door.close()
