"""The embedded models over HTTP, in the forms that Tercet asks Hugging Face in.

For a function in a process of its own, which carries neither MiniLM nor what it needs.
"""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.local.embedded import minilm
from shared.errors import UnavailableError
from shared.inference.extractive import ExtractiveAnswerer
from shared.notes.note import Source

if TYPE_CHECKING:
    from starlette.requests import Request

# As `shared.inference.prompt` writes them.
_PASSAGE = re.compile(r'<passage number="\d+">\n(.*?)\n</passage>', re.DOTALL)
_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)


@contextmanager
def serve_models() -> Iterator[dict[str, str]]:
    """Serve MiniLM, and answers that quote the passages, on a free port of the loopback address.

    Yields:
        The environment variables with which the Hugging Face adapters ask them.

    Raises:
        UnavailableError: the server did not start.
    """
    routes = [
        Route("/embed", _embed, methods=["POST"]),
        Route("/v1/chat/completions", _complete, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise UnavailableError("the models' server did not start")
                time.sleep(0.005)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield {
                "HF_EMBEDDING_URL": f"{url}/embed",
                "HF_CHAT_URL": f"{url}/v1/chat/completions",
                "HF_CHAT_MODEL": ExtractiveAnswerer.model,
                "HF_PROMPT_PRICE": "0",
                "HF_COMPLETION_PRICE": "0",
                # Whether two questions are one is more than quoting can say.
                "SEMANTIC_VERIFIER": "none",
            }
        finally:
            server.should_exit = True
            thread.join()


async def _embed(request: "Request") -> JSONResponse:
    """Text-embeddings-inference's form."""
    vectors = await minilm().embed((await request.json())["inputs"])
    return JSONResponse([[float(component) for component in vector] for vector in vectors])


async def _complete(request: "Request") -> JSONResponse:
    """OpenAI's form; the prompt is taken apart again."""
    body = await request.json()
    prompt = body["messages"][-1]["content"]
    passages = [
        Source(str(n), str(n), text, 0.0) for n, text in enumerate(_PASSAGE.findall(prompt))
    ]
    (question,) = _QUESTION.findall(prompt)
    answer = await ExtractiveAnswerer(minilm()).answer(question, passages)
    choice = {"message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}
    return JSONResponse({"model": body["model"], "choices": [choice]})
