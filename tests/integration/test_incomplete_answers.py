"""Only complete answers are cached: what becomes of incomplete, filtered and empty completions.

The whole ask path runs over a real socket to a stand-in host and a real Valkey. The circuit breaker
opens after two failed calls.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.ask.app import create_app
from shared.container import Container
from tests.support.http_faults import Fault, refuse, send_json
from tests.support.local_environment import LocalEnvironment
from tests.support.model_outage import (
    CHAT,
    QUESTION,
    fake_models_and_redis,
    open_container,
    write_all_notes,
)

COST = (100 * 0.10 + 40 * 0.10) / 1e6
USAGE = {"prompt_tokens": 100, "completion_tokens": 40}


def completion(content: Any, finish_reason: str | None = "stop", **message: Any) -> Fault:
    choice = {"message": {"content": content, **message}, "finish_reason": finish_reason}
    return send_json({"choices": [choice], "usage": USAGE})


CUT = completion("Faith [1] is the", "length")
UNUSABLE = {
    "filtered": (completion("Faith", "content_filter"), "content filter"),
    "refused": (completion(None, refusal="I cannot help."), "declined to answer"),
    "empty": (completion(""), "empty message"),
    "tool call": (completion(None, "tool_calls"), "called a tool"),
    "only reasoning": (completion("<think>The user", "length"), "ANSWER_MAX_TOKENS"),
    "hidden reasoning": (completion(None, "length", reasoning="The user"), "ANSWER_MAX_TOKENS"),
    "false citations": (completion("[8] [9]"), "false citations"),
}


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalEnvironment]:
    with fake_models_and_redis(tmp_path) as local:
        script_chat(local)
        yield local


def script_chat(local: LocalEnvironment, *faults: Fault) -> None:
    """Let the next calls of the language model get these replies, and later ones a complete one."""
    remaining = deque(faults)
    complete = completion("Faith is the substance of things hoped for [1].")

    async def respond(*arguments: Any) -> None:
        await (remaining.popleft() if remaining else complete)(*arguments)

    local.models.failing[CHAT] = respond


class Server:
    """The ask function in one container."""

    def __init__(self, container: Container) -> None:
        self.container = container
        transport = httpx.ASGITransport(create_app(container))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    async def ask(self, query: str = QUESTION, **headers: str) -> httpx.Response:
        headers = {"X-Tercet-User": "ann"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.http.post("/assistant/query", json={"query": query}, headers=headers)

    async def counters(self) -> Any:
        await self.container.pending_counters.flush(self.container.background_redis_client)
        return (await self.container.counter_reader.read_snapshot()).total


_LENIENT: Any = {"candidate_cosine": 0.2, "verifier_from": 0.0, "verifier_until": 1.0}
"""Settings with which the verifier alone decides."""


@pytest.fixture
async def servers(local: LocalEnvironment) -> AsyncIterator[Sequence[Server]]:
    await write_all_notes(local)
    opened = [Server(open_container(local, local_mode=True, **_LENIENT)) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for server in opened:
            stack.push_async_callback(server.container.aclose)
            await stack.enter_async_context(server.http)
        yield opened


@pytest.fixture
def server(servers: Sequence[Server]) -> Server:
    return servers[0]


async def test_incomplete_answer_is_returned_once_and_never_stored(
    local: LocalEnvironment, server: Server
) -> None:
    script_chat(local, CUT)
    first = (await server.ask()).json()
    assert first["answer"] == "Faith [1] is the"
    assert not any(source["cited"] for source in first["sources"])
    assert (first["metadata"]["incomplete"], first["metadata"]["cached"]) == (True, False)
    assert first["metadata"]["answer_id"] is None
    second = await server.ask()
    assert second.json()["answer"] == "Faith is the substance of things hoped for [1]."
    assert "hit" not in second.headers["Cache-Status"]
    assert (second.json()["metadata"]["tier"], second.json()["metadata"]["incomplete"]) == (
        "l3",
        False,
    )
    third = (await server.ask()).json()
    assert [source["cited"] for source in third["sources"]] == [
        number == 0 for number in range(len(third["sources"]))
    ]
    assert (third["metadata"]["match"], third["metadata"]["incomplete"]) == ("exact", False)


async def test_incomplete_answer_does_not_replace_a_complete_one(
    local: LocalEnvironment, server: Server
) -> None:
    complete = (await server.ask()).json()
    script_chat(local, CUT)
    refreshed = (await server.ask(Cache_Control="no-cache")).json()
    assert refreshed["metadata"]["incomplete"]
    again = (await server.ask()).json()
    assert (again["answer"], again["metadata"]["match"]) == (complete["answer"], "exact")


async def test_incomplete_answer_counts_as_generated_and_not_as_stored(
    local: LocalEnvironment, server: Server
) -> None:
    script_chat(local, CUT, completion("Faith is trust [1]."))
    await server.ask()
    counters = await server.counters()
    assert (counters["l1_stores"], counters["outcome_none"]) == (0, 1)
    assert counters["spent_nanodollars"] == round(COST * 1e9)
    await server.ask()
    counters = await server.counters()
    assert (counters["l1_stores"], counters["outcome_l3"]) == (1, 1)
    assert counters["spent_nanodollars"] == 2 * round(COST * 1e9)


async def test_concurrent_requests_for_an_incomplete_answer_are_told_so(
    local: LocalEnvironment, servers: Sequence[Server]
) -> None:
    """Those of the same container share it. Another container's wait, then generate their own."""
    local.models.failing[CHAT] = slowly(CUT)
    responses = await asyncio.gather(*(each.ask() for each in (*servers, *servers, *servers)))
    bodies = [response.json() for response in responses]
    assert {body["answer"] for body in bodies} == {"Faith [1] is the"}
    assert all(body["metadata"]["incomplete"] for body in bodies)
    assert 1 <= local.models.count(CHAT) <= 4
    script_chat(local)
    assert not (await servers[0].ask()).json()["metadata"]["cached"]


def slowly(fault: Fault) -> Fault:
    async def respond(*arguments: Any) -> None:
        await asyncio.sleep(0.2)
        await fault(*arguments)

    return respond


@pytest.mark.parametrize("kind", UNUSABLE)
async def test_unusable_completions_fail_their_requests_only(
    local: LocalEnvironment, server: Server, kind: str
) -> None:
    """Five of them do not open the circuit breaker, nothing is stored, and their cost counts."""
    fault, message = UNUSABLE[kind]
    script_chat(local, *[fault] * 5)
    for number in range(5):
        response = await server.ask(f"What is number {number}?")
        problem = response.json()
        assert (response.status_code, problem["title"]) == (502, "No usable answer")
        assert message in problem["detail"]
        assert "The user" not in response.text
    assert server.container.circuit_breakers.chat.state == "closed"
    counters = await server.counters()
    assert (counters["l1_stores"], counters["outcome_failed"]) == (0, 5)
    assert counters["spent_nanodollars"] == 5 * round(COST * 1e9)
    body = (await server.ask("What is number 1?")).json()
    assert body["metadata"]["tier"] == "l3", "the search was not stored"


async def test_waiting_requests_share_the_error_and_its_cost_counts_once(
    local: LocalEnvironment, servers: Sequence[Server]
) -> None:
    local.models.failing[CHAT] = slowly(UNUSABLE["filtered"][0])
    responses = await asyncio.gather(*(each.ask() for each in (*servers, *servers, *servers)))
    assert {response.json()["title"] for response in responses} == {"No usable answer"}
    calls = local.models.count(CHAT)
    assert 1 <= calls <= 4
    total = sum([(await each.counters())["spent_nanodollars"] for each in servers[1:]])
    assert total == calls * round(COST * 1e9)


async def test_cost_of_a_failed_question_is_a_metric_of_its_log_line(
    local: LocalEnvironment, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "functions.ask.request_log.add_log_fields", lambda _, fields: lines.append(fields)
    )
    script_chat(local, UNUSABLE["filtered"][0])
    await server.ask()
    assert (lines[0]["Outcome"], lines[0]["CostSpent"]) == ("failed", pytest.approx(COST))


@pytest.mark.parametrize(
    ("thought", "is_yes"),
    [
        ("<think>They ask the same.</think>\n\nYES", True),
        ("They ask the same.\n</think>\nYES", True),
        (
            "<|channel|>analysis<|message|>Same.<|end|><|start|>assistant<|channel|>final<|message|>YES",
            True,
        ),
        ("<think>They differ.</think>\n\nNO", False),
    ],
)
async def test_verifier_works_with_models_that_reason(
    local: LocalEnvironment, server: Server, thought: str, *, is_yes: bool
) -> None:
    """With a limit of fewer than 500 tokens the stand-in returns only reasoning."""

    async def respond(scope: Any, receive: Any, send: Any) -> None:
        body = local.models.calls[-1].body
        if "compare two questions" not in body["messages"][0]["content"]:
            reply = completion("<think>Hm.</think>Faith is trust [1].")
        elif body["max_tokens"] < 500:
            reply = completion(None, "length", reasoning="They ask")
        else:
            reply = completion(thought)
        await reply(scope, receive, send)

    local.models.failing[CHAT] = respond
    await server.ask("What is faith?")
    reply = (await server.ask("Define faith")).json()
    assert (reply["metadata"]["match"] == "semantic") == is_yes
    assert reply["answer"] == "Faith is trust [1]."


@pytest.mark.parametrize("fault", ["failure", "filtered", "gibberish"])
async def test_verdicts_do_not_count_in_the_circuit_breaker(
    local: LocalEnvironment, server: Server, fault: str
) -> None:
    """A failing verifier rejects each match; the answers are generated."""
    faults = {
        "failure": refuse(401),
        "filtered": completion("YES", "content_filter"),
        "gibberish": send_json({"hello": "there"}),
    }

    async def respond(scope: Any, receive: Any, send: Any) -> None:
        body = local.models.calls[-1].body
        verdict = "compare two questions" in body["messages"][0]["content"]
        reply = faults[fault] if verdict else completion("Faith is trust [1].")
        await reply(scope, receive, send)

    local.models.failing[CHAT] = respond
    breaker = server.container.circuit_breakers.chat
    await server.ask("What is faith?")
    reported = breaker._calls
    for question in ("Define faith", "Explain faith", "What does faith mean?"):
        assert (await server.ask(question)).json()["metadata"]["match"] is None
    assert breaker.state == "closed"
    assert breaker._failures == 0
    assert breaker._calls == reported + 3
