"""An HTTP server for MiniLM and the extractive answerer, with Hugging Face's request formats.

For functions in a separate process without the extra `local`.
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

from infra.local.embedder_choice import EmbedderChoice, open_embedder
from shared.errors import UnavailableError
from shared.inference.quotations.extractive import ExtractiveAnswerer
from shared.notes.note import Source

if TYPE_CHECKING:
    from starlette.requests import Request

# The format of `shared.inference.prompt`.
_PASSAGE = re.compile(r'<passage-(\w+) number="\d+">\n(?P<text>.*?)\n</passage-\1>', re.DOTALL)
_QUESTION = re.compile(r"<question-(\w+)>\n(?P<text>.*?)\n</question-\1>", re.DOTALL)


@contextmanager
def serve_models() -> Iterator[dict[str, str]]:
    """Serve the models on a free loopback port, in a thread.

    Yields:
        The environment variables that select this server.

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
                    raise UnavailableError("the model server did not start")
                time.sleep(0.005)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield {
                "HF_EMBEDDING_URL": f"{url}/embed",
                "HF_CHAT_URL": f"{url}/v1/chat/completions",
                "HF_CHAT_MODEL": ExtractiveAnswerer.model,
                "HF_PROMPT_PRICE": "0",
                "HF_COMPLETION_PRICE": "0",
                # The extractive answerer cannot verify matches.
                "SEMANTIC_VERIFIER": "none",
            }
        finally:
            server.should_exit = True
            thread.join()


async def _embed(request: "Request") -> JSONResponse:
    """`POST /embed` of text-embeddings-inference."""
    vectors = await open_embedder(EmbedderChoice.MINILM).embed((await request.json())["inputs"])
    return JSONResponse([[float(component) for component in vector] for vector in vectors])


async def _complete(request: "Request") -> JSONResponse:
    """OpenAI's chat completions; the passages and the question are parsed from the prompt."""
    body = await request.json()
    prompt = body["messages"][-1]["content"]
    passages = [
        Source(str(n), str(n), text, 0.0)
        for n, text in enumerate(found["text"] for found in _PASSAGE.finditer(prompt))
    ]
    (question,) = (found["text"] for found in _QUESTION.finditer(prompt))
    answer = await ExtractiveAnswerer(open_embedder(EmbedderChoice.MINILM)).answer(
        question, passages
    )
    choice = {"message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}
    return JSONResponse({"model": body["model"], "choices": [choice]})
