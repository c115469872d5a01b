"""A Secrets Manager that refuses, over a real socket: moto lets everybody read everything."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def refusing_secrets(
    code: str, *, times: int = 1_000, then: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Refuse with an error's code so many times, and give a secret afterwards.

    Gives the endpoint, and a list to which each call's target is added.
    """
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(self.headers["X-Amz-Target"])
            refused = len(calls) <= times
            told = {"__type": code, "message": "no"} if refused else {"SecretString": then}
            body = json.dumps(told).encode()
            self.send_response(400 if refused else 200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()
        thread.join()
