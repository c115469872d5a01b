"""An issuer of tokens: real keys, published on a loopback port."""

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
    """A private key's public half, as a JWK."""
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**dict(made), "kid": name, "use": "sig", "alg": algorithm}


def token(*, algorithm: str = "RS256", key: Any = None, kid: str = "", **claims: Any) -> str:
    """Sign a token that holds, with what `claims` change; a claim of None is left out."""
    good = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
    written = {name: value for name, value in (good | claims).items() if value is not None}
    headers = {"kid": kid or algorithm}
    return jwt.encode(written, key or KEYS[algorithm], algorithm, headers=headers)


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Put a token together that no library would sign."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed(claims: dict[str, Any]) -> str:
    """A token that is signed as it should be, with claims that no library would write."""
    good = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
    unfinished = unsigned({"alg": "EdDSA", "kid": "EdDSA"}, good | claims).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(KEYS["EdDSA"].sign(unfinished.encode())).rstrip(b"=")
    return f"{unfinished}.{signature.decode()}"


@dataclass
class Issuer:
    """Publishes keys, and counts who asks; `response` takes the place of the keys."""

    url: str = ""
    asked: int = 0
    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [published(key, name, name) for name, key in KEYS.items()]
    )
    response: Response | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        self.asked += 1
        await (self.response or JSONResponse({"keys": self.keys}))(scope, receive, send)

    def settings(self, **others: Any) -> Settings:
        return Settings(jwks_url=self.url, auth_issuer=ISSUER, auth_audience=AUDIENCE, **others)


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()
    with serving(issuer) as url:
        issuer.url = f"{url}/keys.json"
        yield issuer
