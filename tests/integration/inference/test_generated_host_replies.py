"""Generated host replies: only complete answers are stored, and nothing else is shown unmarked.

`make eval` sends 10,000. Mutations of the code show that the check can fail.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.cache.session import CacheSession
from shared.inference import http_client
from shared.inference.replies import chat_reply
from shared.inference.replies.reasoning import strip_reasoning
from tests.support.host_replies.replay import replay


@pytest.mark.unmeasured
async def test_no_generated_reply_is_stored_or_shown_wrongly() -> None:
    verdicts = await replay(seed=7, count=150)
    assert verdicts.stored_wrongly == verdicts.shown_wrongly == verdicts.lost == []
    assert min(verdicts.outcomes[kind] for kind in ("complete", "incomplete", "no answer")) > 15


def accept_each_finish_reason(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(chat_reply, "_classify", lambda _: "complete")


def store_incomplete_answers(patch: pytest.MonkeyPatch) -> None:
    store: Callable[..., Any] = CacheSession.store

    async def store_all(session: Any, vector: Any, sources: Any, answer: Any) -> Any:
        whole = answer and replace(answer, incomplete=False)
        return await store(session, vector, sources, whole)

    patch.setattr(CacheSession, "store", store_all)


def leave_reasoning(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(chat_reply, "strip_reasoning", str.strip)


def remove_code_marks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        chat_reply, "strip_reasoning", lambda text: strip_reasoning(text.replace("`", ""))
    )


def ignore_refusals(patch: pytest.MonkeyPatch) -> None:
    read = chat_reply.read_chat_reply
    patch.setattr(
        "shared.inference.chat.read_chat_reply",
        lambda *given: replace(read(*given), is_refusal=False),
    )


def ignore_errors_of_hosts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(http_client, "read_error", lambda *_: None)


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "mutate",
    [
        store_incomplete_answers,
        leave_reasoning,
        *(
            pytest.param(mutate, marks=pytest.mark.slow)
            for mutate in (
                accept_each_finish_reason,
                remove_code_marks,
                ignore_refusals,
                ignore_errors_of_hosts,
            )
        ),
    ],
)
async def test_mutation_is_detected(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    assert (await replay(seed=7, count=120)).stored_wrongly
