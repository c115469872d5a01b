"""A token issuer for development: it gives anyone a token for any user.

Run: python -m infra.container.development_issuer

- `GET /token?user=ann`: a token with the scopes `notes:write` and `stats:read`, valid for 12 hours.
- `GET /jwks.json`: the key that verifies it. Each start creates another key.

`ISSUER_HOST` and `ISSUER_PORT` are its address, 127.0.0.1 and 8081 by default.
"""

import argparse
import json
import os
import secrets
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

_ALGORITHM = "ES256"
_SECONDS = 12 * 3_600


class _Issuer:
    """Signs tokens with a key of its own."""

    def __init__(self) -> None:
        self._key, self._id = generate_private_key(SECP256R1()), secrets.token_hex(4)

    def jwks(self) -> str:
        key = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [key | {"kid": self._id, "use": "sig", "alg": _ALGORITHM}]})

    def token(self, user: str) -> str:
        claims = {
            "sub": user,
            "iss": os.environ["AUTH_ISSUER"],
            "aud": os.environ["AUTH_AUDIENCE"],
            "exp": int(time.time()) + _SECONDS,
            "scope": "notes:write stats:read",
        }
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._id})


def main() -> None:
    """Serve until the process is stopped, for example by Ctrl-C."""
    issuer = _Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            user = parse_qs(url.query).get("user", ["ann"])[0]
            if url.path == "/jwks.json":
                body = issuer.jwks()
            else:
                body = issuer.token(user) if url.path == "/token" else ""
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(f"{body}\n".encode())

        def log_message(self, *_: object) -> None:
            """Log nothing: the URL has the user."""

    address = os.environ.get("ISSUER_HOST", "127.0.0.1"), int(os.environ.get("ISSUER_PORT", "8081"))
    with suppress(KeyboardInterrupt), ThreadingHTTPServer(address, Handler) as server:
        sys.stdout.write(f"tokens: http://{address[0]}:{server.server_port}/token?user=ann\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    argparse.ArgumentParser(
        "python -m infra.container.development_issuer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    if missing := {"AUTH_ISSUER", "AUTH_AUDIENCE"} - os.environ.keys():
        sys.exit(f"set {' and '.join(sorted(missing))}")
    try:
        main()
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"cannot listen at ISSUER_HOST and ISSUER_PORT: {error}")
