"""A Secrets Manager that returns errors, on a real socket: moto cannot deny access."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def failing_secrets_manager(
    code: str,
    *,
    times: int = 1_000,
    then: str = "",
    released: threading.Event | None = None,
    content: bytes = b"",
    pause: float = 0.0,
) -> Iterator[tuple[str, list[str]]]:
    """Return an error code for the first `times` calls, and the secret `then` afterwards.

    There is no response while `released` is not set. `content` replaces the body of each response.
    With `pause`, its bytes are sent one by one, so many seconds apart.

    Yields the endpoint, and a list to which the target of each call is appended.
    """
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(self.headers["X-Amz-Target"])
            if released:
                released.wait(30)
            failing = len(calls) <= times
            error = {"__type": code, "message": "no"}
            body = content or json.dumps(error if failing else {"SecretString": then}).encode()
            self.send_response(400 if failing else 200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):
                step = 1 if pause else len(body)
                for at in range(0, len(body), step):
                    self.wfile.write(body[at : at + step])
                    time.sleep(pause)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()
        thread.join()
