"""Requests in the background: one after the other, and a bounded number."""

import asyncio

import pytest

from shared import background_requests
from shared.background_requests import BackgroundRequests


async def test_requests_beyond_the_bound_are_dropped_and_known_keys_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background_requests, "_MAX_PENDING", 2)
    handled = []

    async def handle(key: str, value: str) -> None:
        handled.append((key, value))

    requests = BackgroundRequests(handle)
    for request in (("a", "1"), ("b", "1"), ("c", "1"), ("b", "2")):
        await requests.send(*request)
    await requests.wait()
    assert handled == [("a", "1"), ("b", "2")]
    await requests.send("c", "2")
    await requests.wait()
    assert handled[2:] == [("c", "2")]


async def test_close_cancels_the_request_in_progress() -> None:
    ended = []

    async def handle(key: str, _: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(key)

    requests = BackgroundRequests(handle)
    await requests.send("a", "1")
    await requests.send("b", "1")
    await asyncio.sleep(0)
    await requests.aclose()
    assert ended == ["a"]
