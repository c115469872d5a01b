"""A stand-in for the endpoint that returns AWS credentials to a container."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AUTHORIZATION = "token of the container"


class CredentialsEndpoint:
    """The endpoint; its attributes can be set at any time."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes | None = None
        """The response's body, instead of credentials."""
        self.expires_at = 0.0
        self.calls = 0
        self.released = threading.Event()
        """The endpoint does not respond while this is not set."""
        self.released.set()
        self.port = 0

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that name the endpoint."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/creds?of=me",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION,
        }

    def respond(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        self.calls += 1
        self.released.wait(30)
        if path != "/creds?of=me" or authorization != AUTHORIZATION:
            return 403, b""
        expiration = datetime.fromtimestamp(self.expires_at, UTC)
        credentials = {
            "AccessKeyId": f"id{self.calls}",
            "SecretAccessKey": f"secret{self.calls}",
            "Token": f"token{self.calls}",
            "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self.status, json.dumps(credentials).encode() if self.body is None else self.body


@contextmanager
def credentials_endpoint() -> Iterator[CredentialsEndpoint]:
    endpoint = CredentialsEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = endpoint.respond(self.path, self.headers.get("Authorization"))
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
