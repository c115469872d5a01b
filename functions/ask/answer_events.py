"""An answer while it is generated: its beginning, its text in parts, and the whole reply."""

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from shared.answer_stream import AnswerStart, AnswerStream
from shared.errors import InferenceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from shared.ask_state import SharedResult
    from shared.reply import Reply

    Ask: TypeAlias = Callable[[AnswerStream[SharedResult]], Awaitable[Reply]]


async def answer_events(ask: "Ask") -> "AsyncGenerator[AnswerStart | str | Reply, None]":
    """Yield an `AnswerStart`, parts of the text, and the `Reply` whose text they are together.

    Closing the generator stands for a client that leaves: the answer is abandoned unless other
    requests follow, and then the generator ends when they have it.

    Args:
        ask: answers the question; it gets the stream that it writes to.

    Raises:
        InferenceError: the text was replaced by another one after parts of it had been yielded.
        TercetError: an error of `ask`.
    """
    arrived = asyncio.Event()
    parts: list[tuple[AnswerStart, str]] = []

    def on_text(start: AnswerStart, text: str) -> None:
        parts.append((start, text))
        arrived.set()

    stream: AnswerStream[SharedResult] = AnswerStream(on_text)
    task = asyncio.ensure_future(ask(stream))
    stream.abandon = task.cancel
    task.add_done_callback(lambda _: arrived.set())
    sent: list[str] = []
    try:
        while parts or not task.done():
            await arrived.wait()
            arrived.clear()
            taken, parts = parts, []
            if taken:
                if not sent:
                    yield taken[0][0]
                sent.append("".join(text for _, text in taken))
                yield sent[-1]
        reply = task.result()
        text, begun = reply.text, "".join(sent)
        if not text.startswith(begun):
            raise InferenceError("the model's text was replaced by another answer; ask again")
        if not sent:
            yield AnswerStart(reply.tier, reply.match, reply.shown_sources, reply.cache, reply.ttl)
        if rest := text[len(begun) :]:
            yield rest
        yield reply
    finally:
        stream.leave()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # asyncio logs an exception that is never retrieved
