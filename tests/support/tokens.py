"""A token issuer with real keys, published on a loopback port."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.responses import JSONResponse, Response

from shared.settings import Settings
from tests.support.huggingface import serving

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ISSUER = "https://issuer.example/"
AUDIENCE = "tercet"
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65_537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def published(key: Any, name: str, algorithm: str) -> dict[str, Any]:
    """Return the public key of a private key as a JWK."""
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**dict(jwk), "kid": name, "use": "sig", "alg": algorithm}


def token(*, algorithm: str = "RS256", key: Any = None, kid: str = "", **claims: Any) -> str:
    """Sign a valid token with changed claims; a claim of None is omitted."""
    valid = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
    payload = {name: value for name, value in (valid | claims).items() if value is not None}
    headers = {"kid": kid or algorithm}
    return jwt.encode(payload, key or KEYS[algorithm], algorithm, headers=headers)


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Assemble a token that a library would refuse to sign."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed(claims: dict[str, Any]) -> str:
    """Sign claims that a library would refuse to encode."""
    valid = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
    unsigned_token = unsigned({"alg": "EdDSA", "kid": "EdDSA"}, valid | claims).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(KEYS["EdDSA"].sign(unsigned_token.encode())).rstrip(b"=")
    return f"{unsigned_token}.{signature.decode()}"


@dataclass
class Issuer:
    """Publishes keys and counts requests; `response`, if set, replaces the keys."""

    url: str = ""
    requests: int = 0
    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [published(key, name, name) for name, key in KEYS.items()]
    )
    response: Response | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        self.requests += 1
        await (self.response or JSONResponse({"keys": self.keys}))(scope, receive, send)

    def settings(self, **others: Any) -> Settings:
        return Settings(jwks_url=self.url, auth_issuer=ISSUER, auth_audience=AUDIENCE, **others)


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()
    with serving(issuer) as url:
        issuer.url = f"{url}/keys.json"
        yield issuer
