"""Nothing of a question, note or token is shown, however a model host encodes and repeats it.

The same host repeats two texts. What Tercet shows must be the same for both.
"""

import base64
import html
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InferenceError
from shared.inference.chat import HuggingFaceChat
from shared.inference.genai_span_attributes import describe_reply
from shared.inference.http_client import InferenceClient, Retries
from shared.inference.ports import ChatMessage
from shared.inference.replies import known_names
from shared.inference.replies.reply_body import body_text
from shared.observability.json_logging import JsonFormatter
from shared.settings import Settings

# Letters that form neither a known code nor a status.
texts = st.text("RutháДюжь信心者 \n-_.\"'<&%\\?/+7", min_size=1, max_size=40)

ENCODINGS: dict[str, Callable[[str], str]] = {
    "none": str,
    "upper case": str.upper,
    "reversed": lambda text: text[::-1],
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON twice": lambda text: json.dumps(json.dumps(text)),
    "percent": quote,
    "Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hexadecimal": lambda text: text.encode().hex(),
    "HTML": html.escape,
    "HTML numbers": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "UTF-16": lambda text: text.encode("utf-16").decode("latin-1"),
    "words": lambda text: "_".join(text.split()),
}

PLACES: dict[str, Callable[[str], Any]] = {
    "message": lambda echo: {"error": f"x {echo}"},
    "messages": lambda echo: {"errors": [{"message": echo}], "detail": [{"msg": echo}]},
    "code": lambda echo: {"error": {"code": echo, "type": echo, "message": "x"}},
    "status": lambda echo: {"status": echo, "type": f"error_{echo}", "error": "x"},
    "parameter": lambda echo: {"error": {"param": echo, "message": "x"}, echo: echo},
    "choice": lambda echo: {"choices": [{"finish_reason": f"error {echo}", "message": {}}]},
    "model": lambda echo: {"model": echo, "choices": [{"finish_reason": echo}], "usage": echo},
    "other content": lambda echo: {"choices": [{"message": {"content": {echo: echo}}}]},
    "text": lambda echo: f"x {echo}",
    "HTML": lambda echo: f"<html>{echo}",
    "cut JSON": lambda echo: f'{{"error": "{echo}',
}

logged: list[str] = []


class Capture(logging.Handler):
    """Formats records as a deployed function does."""

    def emit(self, record: logging.LogRecord) -> None:
        logged.append(JsonFormatter(messages=False).format(record))


@pytest.fixture(scope="module", autouse=True)
def _captured_log() -> Any:
    logger, handler = logging.getLogger("shared"), Capture()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)


async def shown(place: str, encoding: str, text: str, status: int) -> str:
    """Return the error, log lines and span attributes when a host repeats a text."""
    settings = Settings(hf_token="hf_token")
    echo = ENCODINGS[encoding](text)
    body = PLACES[place](echo)
    content = body if isinstance(body, str) else json.dumps(body)
    headers = {f"X-Error-{name}": quote(echo) for name in ("Message", "Code")}
    transport = httpx.MockTransport(
        lambda _: httpx.Response(status, content=content.encode(), headers=headers)
    )
    client = InferenceClient(settings, retries=Retries(max_retries=0), transport=transport)
    logged.clear()
    error = ""
    try:
        await HuggingFaceChat(client, settings).complete([ChatMessage("user", text)], max_tokens=9)
    except InferenceError as failure:
        error = f"{failure!r} {failure.__cause__!r}"
    finally:
        await client.aclose()
    lines = [line.partition('"level"')[2] for line in logged]
    return f"{error} {lines} {describe_reply(body, settings.chat_model)}"


@given(
    place=st.sampled_from([*PLACES]),
    encoding=st.sampled_from([*ENCODINGS]),
    text=texts,
    other=texts,
    status=st.sampled_from([200, 307, 400, 401, 404, 422, 429, 500, 503]),
)
async def test_what_is_shown_does_not_depend_on_the_text_that_a_host_repeats(
    place: str, encoding: str, text: str, other: str, status: int
) -> None:
    assert await shown(place, encoding, text, status) == await shown(place, encoding, other, status)


def show_messages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("shared.inference.replies.host_errors.body_kind", body_text)


def show_identifiers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(known_names, "_WORDS", type("All", (), {"__contains__": lambda *_: True})())


@pytest.mark.parametrize(
    ("mutate", "place", "encoding"),
    [
        (show_messages, "text", "none"),
        (show_messages, "text", "HTML numbers"),
        (show_identifiers, "code", "none"),
        (show_identifiers, "model", "none"),
        (show_identifiers, "choice", "words"),
    ],
)
async def test_mutation_is_detected(
    monkeypatch: pytest.MonkeyPatch,
    mutate: Callable[[pytest.MonkeyPatch], None],
    place: str,
    encoding: str,
) -> None:
    mutate(monkeypatch)
    status = 400 if place in {"text", "code"} else 200
    both = [await shown(place, encoding, text, status) for text in ("Ruth", "Hut")]
    assert both[0] != both[1]
