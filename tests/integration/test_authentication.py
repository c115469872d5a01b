"""Authentication by API Gateway, by bearer token, or by header in local mode."""

import asyncio
import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from functions.http.app_factory import build_app
from functions.http.auth.caller import authenticate, token_verifier, warn_not_configured
from functions.http.auth.jwt import BearerTokenVerifier
from shared.container import Container
from shared.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidRequestError,
    UnauthenticatedError,
    UnavailableError,
)
from shared.settings import Settings
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    KEYS,
    Issuer,
    issuing,
    published,
    signed,
    token,
    unsigned,
)

EVENTS = Path(__file__).parents[1] / "events"
LOCAL = Settings(local_mode=True)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


def request(
    *, event: Any = None, client: str = "127.0.0.1", server: str = "127.0.0.1", **headers: str
) -> Request:
    all_headers = {"host": "127.0.0.1:8000"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "scheme": "http",
        "query_string": b"",
        "client": (client, 5000),
        "server": (server, 8000),
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
    }
    return Request(scope | ({"aws.event": event} if event else {}))


def verifier_without_cooldown(issuer: Issuer) -> BearerTokenVerifier:
    return BearerTokenVerifier(issuer.settings(), unknown_key_cooldown=0)


def with_token(value: str) -> Request:
    return request(authorization=f"Bearer {value}")


class BlockedFailure(JSONResponse):
    """A status 500 that is sent only when the test allows it."""

    def __init__(self) -> None:
        super().__init__({}, 500)
        self.requested = threading.Event()
        self.released = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requested.set()
        await asyncio.to_thread(self.released.wait, 5)
        await super().__call__(scope, receive, send)


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


class TestAPIGateway:
    @pytest.mark.parametrize(
        ("name", "scopes"), [("http_api_v2", {"openid", "notes:write"}), ("rest_v1", set())]
    )
    async def test_caller_is_the_subject_that_the_authorizer_verified(
        self, name: str, scopes: set[str]
    ) -> None:
        caller = await authenticate(request(event=event(name)), Settings())
        assert (caller.user_id, caller.scopes) == ("ann", frozenset(scopes))

    @pytest.mark.parametrize(
        "authorizer",
        [
            None,
            {},
            {"jwt": None},
            {"jwt": {"claims": {}}},
            {"jwt": {"claims": {"sub": ""}}},
            {"jwt": {"claims": {"sub": 7}}},
            {"lambda": {"sub": "ann"}},
            {"iam": {"userId": "ann"}},
            {"claims": {"sub": "a\0"}},
            "ann",
        ],
    )
    async def test_missing_or_invalid_subject_is_refused(self, authorizer: Any) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(request(event={"requestContext": {"authorizer": authorizer}}), LOCAL)

    async def test_user_headers_are_ignored_behind_a_load_balancer(self) -> None:
        balanced = request(event=event("alb"), x_tercet_user="ann", x_amzn_oidc_identity="ann")
        for settings in (Settings(), LOCAL):
            with pytest.raises(UnauthenticatedError, match="does not accept your credentials"):
                await authenticate(balanced, settings)


class TestBearerToken:
    @pytest.mark.parametrize("algorithm", KEYS)
    async def test_caller_is_the_subject_of_a_valid_token(
        self, issuer: Issuer, algorithm: str
    ) -> None:
        valid = token(algorithm=algorithm, scope="notes:write")
        caller = await authenticate(with_token(valid), issuer.settings())
        assert (caller.user_id, caller.scopes) == ("ann", frozenset({"notes:write"}))

    async def test_access_token_of_cognito_has_a_client_id_in_place_of_an_audience(
        self, issuer: Issuer
    ) -> None:
        access = token(aud=None, client_id=AUDIENCE, token_use="access")
        assert (await authenticate(with_token(access), issuer.settings())).user_id == "ann"

    @pytest.mark.parametrize(
        ("claims", "reason"),
        [
            ({"exp": int(time.time()) - 60}, "expired"),
            ({"exp": None}, "lacks"),
            ({"sub": None}, "lacks"),
            ({"sub": ""}, "1 to"),
            ({"sub": "a\0b"}, "NUL"),
            ({"iss": "https://other.example/"}, "issuer"),
            ({"iss": None}, "lacks"),
            ({"aud": "other"}, "audience"),
            ({"aud": None}, "lacks"),
            ({"aud": None, "client_id": "other"}, "lacks"),
            ({"aud": None, "client_id": [AUDIENCE]}, "lacks"),
            ({"aud": "other", "client_id": AUDIENCE}, "audience"),
            ({"aud": None, "client_id": AUDIENCE, "sub": None}, "lacks"),
            ({"aud": None, "client_id": AUDIENCE, "exp": int(time.time()) - 60}, "expired"),
            ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
            ({"kid": "unknown"}, "not among"),
            ({"key": rsa.generate_private_key(public_exponent=65_537, key_size=2048)}, "signature"),
        ],
    )
    async def test_invalid_token_is_refused_with_a_reason_that_does_not_quote_it(
        self, issuer: Issuer, claims: dict[str, Any], reason: str
    ) -> None:
        bad = token(**claims)
        with pytest.raises(UnauthenticatedError, match=reason) as refusal:
            await authenticate(with_token(bad), issuer.settings())
        assert "example" not in str(refusal.value)
        assert "unknown" not in str(refusal.value)

    async def test_token_forged_without_the_private_key_is_refused(self, issuer: Issuer) -> None:
        claims = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
        pem = (
            KEYS["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        unsigned_token = unsigned({"alg": "HS256", "kid": "RS256", "typ": "JWT"}, claims)
        mac = hmac.digest(pem, unsigned_token.rpartition(".")[0].encode(), "sha256")
        for forged in (
            unsigned({"alg": "none", "kid": "RS256"}, claims),
            unsigned({"alg": "None", "kid": "RS256"}, claims),
            unsigned({"alg": "HS256", "kid": "RS256", "typ": "JWT"}, claims, mac),
            unsigned({"alg": "RS256", "kid": "RS256"}, claims, b"x" * 256),
            unsigned({"alg": "ES256", "kid": "RS256"}, claims, b"x" * 64),
        ):
            with pytest.raises(UnauthenticatedError):
                await authenticate(with_token(forged), issuer.settings())

    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer  ", "Basic YW5uOng=", "Bearer x", "Bearer a.b.c", "x" * 9000],
    )
    async def test_malformed_token_is_refused_without_a_request_to_the_issuer(
        self, issuer: Issuer, header: str
    ) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(request(authorization=header), issuer.settings())
        assert issuer.requests == 0

    @pytest.mark.parametrize(
        "header",
        [
            *[b"[" * 30_000, b'{"a":' * 10_000, b"\xff", b"null", b"[]", b'{"alg": ["RS256"]}'],
            *[b'{"alg": "RS256", "kid": 7}', b'{"alg": "RS256", "crit": ["exp"], "exp": 9}'],
            *[b'{"alg": "RS256", "kid": %s}' % kid for kid in (b"9" * 9_000, b"NaN")],
        ],
    )
    async def test_token_with_hostile_header_is_refused(
        self, issuer: Issuer, header: bytes
    ) -> None:
        value = base64.urlsafe_b64encode(header).rstrip(b"=").decode() + ".e30.x"
        with pytest.raises(UnauthenticatedError):
            await authenticate(with_token(value), issuer.settings())

    @pytest.mark.parametrize("claims", [{"exp": 1e400}, {"exp": "soon"}, {"nbf": []}, {"aud": {}}])
    async def test_claims_of_another_type_are_refused(
        self, issuer: Issuer, claims: dict[str, Any]
    ) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(with_token(signed(claims)), issuer.settings())

    async def test_email_is_an_identity_only_if_the_issuer_verified_it(
        self, issuer: Issuer
    ) -> None:
        for verified, names in ((True, {"ann", "a@b.c"}), (False, {"ann"}), (None, {"ann"})):
            value = token(email="a@b.c", email_verified=verified)
            caller = await authenticate(with_token(value), issuer.settings())
            assert caller.identities == names
            assert "a@b.c" not in repr(caller)

    async def test_keys_are_fetched_once_even_for_unknown_key_ids(self, issuer: Issuer) -> None:
        settings = issuer.settings()
        for _ in range(3):
            await authenticate(with_token(token()), settings)
            with pytest.raises(UnauthenticatedError, match="not among"):
                await authenticate(with_token(token(kid="unknown")), settings)
        assert issuer.requests == 1

    async def test_new_key_is_fetched_after_the_cooldown(self, issuer: Issuer) -> None:
        verifier = verifier_without_cooldown(issuer)
        await verifier.verify(token())
        new = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        issuer.keys.append(published(new, "new", "RS256"))
        await verifier.verify(token(key=new, kid="new"))
        assert issuer.requests == 2

    async def test_unavailable_issuer_is_a_503_and_is_not_requested_again_at_once(
        self, issuer: Issuer
    ) -> None:
        settings = issuer.settings()
        for response in (JSONResponse({}, 500), JSONResponse({"keys": []})):
            issuer.response, issuer.requests = response, 0
            fresh = issuer.settings(hf_bill_to=str(response.status_code))
            for _ in range(3):
                with pytest.raises(UnavailableError) as refusal:
                    await authenticate(with_token(token()), fresh)
                assert refusal.value.retry_after
            assert issuer.requests == 1
        issuer.response = None
        assert (await authenticate(with_token(token()), settings)).user_id == "ann"

    async def test_cached_key_verifies_tokens_while_the_issuer_is_unavailable(
        self, issuer: Issuer
    ) -> None:
        verifier = verifier_without_cooldown(issuer)
        await verifier.verify(token())
        issuer.response = JSONResponse({}, 500)
        unknown_key_tokens = [token(kid=f"unknown-{n}") for n in range(4)]
        outcomes = await asyncio.gather(
            *(verifier.verify(each) for each in unknown_key_tokens), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 4
        assert issuer.requests == 2, "concurrent requests share one fetch"
        for algorithm in KEYS:
            valid = token(algorithm=algorithm)
            assert (await verifier.verify(valid))["sub"] == "ann"
        with pytest.raises(UnauthenticatedError, match="expired"):
            await verifier.verify(token(exp=int(time.time()) - 60))
        other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        with pytest.raises(UnauthenticatedError, match="signature"):
            await verifier.verify(token(key=other))
        assert issuer.requests == 2

    async def test_cached_key_does_not_wait_for_the_fetch_of_an_unknown_key(
        self, issuer: Issuer
    ) -> None:
        verifier = verifier_without_cooldown(issuer)
        await verifier.verify(token())
        issuer.response = blocked = BlockedFailure()
        unknown_key_requests = [
            asyncio.create_task(verifier.verify(token(kid=f"unknown-{n}"))) for n in range(40)
        ]
        try:
            assert await asyncio.to_thread(blocked.requested.wait, 5)
            assert (await verifier.verify(token()))["sub"] == "ann"
            assert not any(each.done() for each in unknown_key_requests)
            # The fetch does not exhaust the default thread pool.
            await asyncio.to_thread(blocked.released.set)
        finally:
            blocked.released.set()
            outcomes = await asyncio.gather(*unknown_key_requests, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {UnavailableError}

    @pytest.mark.parametrize(
        "changes",
        [
            *[{"auth_issuer": ""}, {"auth_audience": ""}, {"jwks_url": "issuer.example"}],
            *[{"jwks_url": "http://issuer.example/keys"}, {"jwks_url": "file:///etc/passwd"}],
        ],
    )
    def test_incomplete_configuration_is_refused_at_start(self, changes: dict[str, str]) -> None:
        complete = {"jwks_url": "https://i.example/k", "auth_issuer": "i", "auth_audience": "a"}
        token_verifier(Settings(**complete))  # type: ignore[arg-type]  # all of them are strings
        with pytest.raises(ConfigurationError):
            token_verifier(Settings(**complete | changes))  # type: ignore[arg-type]  # as above

    async def test_refusal_without_configuration_is_plain_and_the_log_names_the_settings(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        warn_not_configured.cache_clear()
        for _ in range(3):
            with pytest.raises(UnauthenticatedError) as refused:
                await authenticate(request(x_tercet_user="ann"), Settings())
            assert str(refused.value) == "this server does not accept your credentials"
        (record,) = caplog.records
        assert "JWT authorizer" in record.message
        assert "AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE" in record.message

    @pytest.mark.parametrize(
        ("settings", "environ", "warns"),
        [
            (Settings(), {}, True),
            (Settings(), {"AWS_LAMBDA_FUNCTION_NAME": "ask"}, False),
            (LOCAL, {}, False),
        ],
    )
    def test_app_without_authentication_warns_at_its_start_unless_a_gateway_may_authenticate(
        self,
        settings: Settings,
        environ: dict[str, str],
        *,
        warns: bool,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        warn_not_configured.cache_clear()
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        build_app(Container(settings))
        warnings = [each for each in caplog.records if "every request gets 401" in each.message]
        assert len(warnings) == warns


class TestLocalMode:
    @pytest.mark.parametrize("user", ["ann", "Zoë", "auth0|1/2", "ann@example.org"])
    async def test_header_names_the_user(self, user: str) -> None:
        assert (await authenticate(request(x_tercet_user=user), LOCAL)).user_id == user

    async def test_missing_or_invalid_header_is_refused(self) -> None:
        with pytest.raises(UnauthenticatedError, match="X-Tercet-User"):
            await authenticate(request(), LOCAL)
        with pytest.raises(InvalidRequestError, match="X-Tercet-User"):
            await authenticate(request(x_tercet_user="x" * 2000), LOCAL)
        latin = request(x_tercet_user="ann")
        latin.scope["headers"][-1] = (b"x-tercet-user", b"Zo\xeb")
        with pytest.raises(InvalidRequestError, match="UTF-8"):
            await authenticate(latin, LOCAL)

    @pytest.mark.parametrize(
        "origin",
        [
            *[{"client": "192.168.1.7"}, {"client": "testclient"}, {"server": "192.168.1.5"}],
            *[{"host": "evil.example"}, {"host": "127.0.0.1.evil.example"}, {"host": ""}],
            # An invalid Host header must not be replaced by the server's address.
            *[{"host": host} for host in ("evil.example:99999", "[", "a:b@evil.example", "\u00ff")],
        ],
    )
    async def test_request_from_another_machine_or_host_is_refused(
        self, origin: dict[str, str]
    ) -> None:
        with pytest.raises(ForbiddenError):
            await authenticate(request(x_tercet_user="ann", **origin), LOCAL)

    async def test_header_is_ignored_outside_local_mode(self, issuer: Issuer) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(request(x_tercet_user="ann"), issuer.settings())
        both = request(x_tercet_user="eve", authorization=f"Bearer {token()}")
        assert (await authenticate(both, issuer.settings())).user_id == "ann"
