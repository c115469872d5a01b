"""The endpoint that gives out AWS credentials inside a container."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AUTHORIZATION = "of the container"


class CredentialsEndpoint:
    """Set what it says at any time."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes | None = None
        """What it says instead of credentials."""
        self.ends = 0.0
        self.calls = 0
        self.port = 0

    @property
    def environ(self) -> dict[str, str]:
        """What points at it."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/creds?of=me",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION,
        }

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        self.calls += 1
        if path != "/creds?of=me" or authorization != AUTHORIZATION:
            return 403, b""
        told = {
            "AccessKeyId": f"id{self.calls}",
            "SecretAccessKey": f"secret{self.calls}",
            "Token": f"token{self.calls}",
            "Expiration": datetime.fromtimestamp(self.ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self.status, json.dumps(told).encode() if self.body is None else self.body


@contextmanager
def credentials_endpoint() -> Iterator[CredentialsEndpoint]:
    endpoint = CredentialsEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = endpoint.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield endpoint
        server.shutdown()
        thread.join()
