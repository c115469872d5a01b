"""The environment of the load test."""

import httpx
import pytest

from tests.load import material
from tests.load.__main__ import environment
from tests.support.data import DATA

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the notes of the users are not available"),
]


def test_servers_answer_from_the_notes_that_were_written_for_them() -> None:
    """The notes are embedded in this process, the questions by the servers' model host."""
    (user, questions), *_ = material.questions(1, users=1).items()
    with environment({user: questions}, embedding_seconds=0, answer_seconds=0) as started:
        for url in started.urls:
            response = httpx.post(
                f"{url}/assistant/query",
                json={"query": questions[0]},
                headers={"X-Tercet-User": user},
                timeout=60,
            )
            assert response.status_code == 200, response.text
            assert response.json()["sources"]
