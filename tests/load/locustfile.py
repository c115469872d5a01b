"""Locust users that ask a question every one to three seconds; `tests.load` runs this file.

Environment variables: LOAD_QUESTIONS is a JSON file with the questions of each user, LOAD_SERVED
the JSON file for one record per response, LOAD_HOSTS the base URLs of the servers with commas.
"""

import json
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

from locust import HttpUser, between, events, task
from locust.env import Environment

from tests.load import WAIT_SECONDS

_QUESTIONS: dict[str, list[str]] = json.loads(Path(os.environ["LOAD_QUESTIONS"]).read_text("utf-8"))
_HOSTS = os.environ["LOAD_HOSTS"].split(",")
_numbers = count()
_served: list[dict[str, Any]] = []


class AskUser(HttpUser):
    """A user who asks their questions in order."""

    host = _HOSTS[0]
    wait_time = between(*WAIT_SECONDS)

    def on_start(self) -> None:
        """Take the identity of the next user with notes."""
        number = next(_numbers)
        self.name, questions = list(_QUESTIONS.items())[number % len(_QUESTIONS)]
        self.questions = iter(questions)
        self.server = _HOSTS[number % len(_HOSTS)]

    @task
    def ask(self) -> None:
        """Ask the next question and record its response."""
        question = next(self.questions, None)
        if question is None:
            self.stop()
            return
        began = time.perf_counter()
        with self.client.post(
            f"{self.server}/assistant/query",
            json={"query": question},
            headers={"X-Tercet-User": self.name},
            catch_response=True,
        ) as response:
            milliseconds = (time.perf_counter() - began) * 1e3
            metadata = response.json()["metadata"] if response.status_code == 200 else {}
            outcome = metadata.get("match") or "miss" if metadata else "failed"
            response.request_meta["name"] = outcome
            if not metadata:
                response.failure(f"{response.status_code}: {response.text[:200]}")
        cache = metadata.get("cache")
        _served.append({"outcome": outcome, "ms": milliseconds, "cache": cache, "at": time.time()})


def _write(environment: Environment, **_: Any) -> None:
    del environment
    Path(os.environ["LOAD_SERVED"]).write_text(json.dumps(_served), "utf-8")


events.test_stop.add_listener(_write)  # type: ignore[no-untyped-call]  # locust has no type for it
