"""Requests that schemathesis generates from the OpenAPI document, sent to the complete app."""

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
from tests.support.fuzzing.handlers import SimilarEmbedder
from tests.support.huggingface import serving
from tests.support.memory_note_store import MemoryNoteStore

# Without `positive_data_acceptance`: "?!" matches the schema of a question and is refused.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]


class OpenAPIClient:
    """Generates requests from the document of a running app, and validates the responses."""

    def __init__(self, url: str, document: dict[str, Any], session: requests.Session) -> None:
        self._url = url
        self._session = session
        results: Any = schemathesis.openapi.from_dict(document).get_all_operations()
        operations = [result.ok() for result in results]
        self.operations = {operation.label: operation for operation in operations}

    def cases(self) -> st.SearchStrategy[Any]:
        """Valid requests of every operation, and invalid ones where there is a body or a query."""
        operations = self.operations.values()
        checked = [each for each in operations if each.body or each.query]
        return st.one_of(
            *(each.as_strategy(generation_mode=GenerationMode.POSITIVE) for each in operations),
            *(each.as_strategy(generation_mode=GenerationMode.NEGATIVE) for each in checked),
        )

    def check(self, case: Any) -> None:
        """Send a request and validate the response against the document."""
        # An invalid request may lack the header on purpose.
        headers = {"X-Tercet-User": "ann"} if "X-Tercet-User" in (case.headers or {}) else {}
        response = case.call(base_url=self._url, headers=headers, session=self._session)
        case.validate_response(response, checks=CHECKS)


@contextmanager
def openapi_client() -> Iterator[OpenAPIClient]:
    """A client of the complete app in local mode, with a Valkey and fast models."""
    with start_valkey() as valkey:
        settings = Settings(
            redis_url=valkey.url, redis_timeout=5, embedding_dimensions=8, local_mode=True
        )
        parts: Any = {"embedder": SimilarEmbedder(), "answerer": SlowAnswerer()}
        app = build_local_app(Container(settings, store=MemoryNoteStore(), **parts))
        with serving(app) as url, requests.Session() as session:
            yield OpenAPIClient(url, app.openapi(), session)
