"""Who is asking: verified by a gateway, by a token, or, on one's own machine, by a header."""

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

from functions.http.auth.caller import Caller, authenticate, check_auth_settings
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
    with issuing() as made:
        yield made


def request(
    *, event: Any = None, client: str = "127.0.0.1", server: str = "127.0.0.1", **headers: str
) -> Request:
    named = {"host": "127.0.0.1:8000"} | {
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
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    return Request(scope | ({"aws.event": event} if event else {}))


def bearing(written: str) -> Request:
    return request(authorization=f"Bearer {written}")


class Slow(JSONResponse):
    """A failure that is told when it may be."""

    def __init__(self) -> None:
        super().__init__({}, 500)
        self.was_asked = threading.Event()
        self.may_answer = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.was_asked.set()
        await asyncio.to_thread(self.may_answer.wait, 5)
        await super().__call__(scope, receive, send)


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


class TestGateway:
    @pytest.mark.parametrize(
        ("name", "scopes"), [("http_api_v2", {"openid", "notes:write"}), ("rest_v1", set())]
    )
    async def test_the_subject_that_the_authorizer_verified_is_who_asks(
        self, name: str, scopes: set[str]
    ) -> None:
        who = await authenticate(request(event=event(name)), Settings())
        assert who == Caller("ann", frozenset(scopes))

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
    async def test_without_a_usable_subject_nobody_asks(self, authorizer: Any) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(request(event={"requestContext": {"authorizer": authorizer}}), LOCAL)

    async def test_headers_name_nobody_behind_a_load_balancer(self) -> None:
        balanced = request(event=event("alb"), x_tercet_user="ann", x_amzn_oidc_identity="ann")
        for settings in (Settings(), LOCAL):
            with pytest.raises(UnauthenticatedError, match="JWT authorizer"):
                await authenticate(balanced, settings)


class TestBearer:
    @pytest.mark.parametrize("algorithm", KEYS)
    async def test_a_good_token_names_its_subject(self, issuer: Issuer, algorithm: str) -> None:
        good = token(algorithm=algorithm, scope="notes:write")
        who = await authenticate(bearing(good), issuer.settings())
        assert who == Caller("ann", frozenset({"notes:write"}))

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
            ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
            ({"kid": "unheard-of"}, "not among"),
            ({"key": rsa.generate_private_key(public_exponent=65_537, key_size=2048)}, "signature"),
        ],
    )
    async def test_a_token_that_does_not_hold_is_refused_with_the_reason_alone(
        self, issuer: Issuer, claims: dict[str, Any], reason: str
    ) -> None:
        bad = token(**claims)
        with pytest.raises(UnauthenticatedError, match=reason) as refusal:
            await authenticate(bearing(bad), issuer.settings())
        assert "example" not in str(refusal.value)
        assert "unheard-of" not in str(refusal.value)

    async def test_no_token_can_be_signed_without_a_private_key(self, issuer: Issuer) -> None:
        claims = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
        pem = (
            KEYS["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        unfinished = unsigned({"alg": "HS256", "kid": "RS256", "typ": "JWT"}, claims)
        mac = hmac.digest(pem, unfinished.rpartition(".")[0].encode(), "sha256")
        for forged in (
            unsigned({"alg": "none", "kid": "RS256"}, claims),
            unsigned({"alg": "None", "kid": "RS256"}, claims),
            unsigned({"alg": "HS256", "kid": "RS256", "typ": "JWT"}, claims, mac),
            unsigned({"alg": "RS256", "kid": "RS256"}, claims, b"x" * 256),
            unsigned({"alg": "ES256", "kid": "RS256"}, claims, b"x" * 64),
        ):
            with pytest.raises(UnauthenticatedError):
                await authenticate(bearing(forged), issuer.settings())

    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer  ", "Basic YW5uOng=", "Bearer x", "Bearer a.b.c", "x" * 9000],
    )
    async def test_what_is_no_token_is_refused_without_asking_the_issuer(
        self, issuer: Issuer, header: str
    ) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(request(authorization=header), issuer.settings())
        assert issuer.asked == 0

    @pytest.mark.parametrize(
        "header",
        [
            *[b"[" * 30_000, b'{"a":' * 10_000, b"\xff", b"null", b"[]", b'{"alg": ["RS256"]}'],
            *[b'{"alg": "RS256", "kid": 7}', b'{"alg": "RS256", "crit": ["exp"], "exp": 9}'],
            *[b'{"alg": "RS256", "kid": %s}' % kid for kid in (b"9" * 9_000, b"NaN")],
        ],
    )
    async def test_a_token_made_to_break_its_reader_is_no_token(
        self, issuer: Issuer, header: bytes
    ) -> None:
        made = base64.urlsafe_b64encode(header).rstrip(b"=").decode() + ".e30.x"
        with pytest.raises(UnauthenticatedError):
            await authenticate(bearing(made), issuer.settings())

    @pytest.mark.parametrize("claims", [{"exp": 1e400}, {"exp": "soon"}, {"nbf": []}, {"aud": {}}])
    async def test_claims_of_another_kind_do_not_hold(
        self, issuer: Issuer, claims: dict[str, Any]
    ) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(bearing(signed(claims)), issuer.settings())

    async def test_an_email_counts_where_the_issuer_says_that_it_is_verified(
        self, issuer: Issuer
    ) -> None:
        for verified, names in ((True, {"ann", "a@b.c"}), (False, {"ann"}), (None, {"ann"})):
            made = token(email="a@b.c", email_verified=verified)
            assert (await authenticate(bearing(made), issuer.settings())).identities == names

    async def test_the_keys_are_fetched_once_and_an_unknown_key_asks_no_second_time(
        self, issuer: Issuer
    ) -> None:
        settings = issuer.settings()
        for _ in range(3):
            await authenticate(bearing(token()), settings)
            with pytest.raises(UnauthenticatedError, match="not among"):
                await authenticate(bearing(token(kid="unheard-of")), settings)
        assert issuer.asked == 1

    async def test_a_new_key_is_found_once_the_pause_is_over(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("functions.http.auth.jwt._UNKNOWN_KEY_COOLDOWN", 0.0)
        settings = issuer.settings()
        await authenticate(bearing(token()), settings)
        new = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        issuer.keys.append(published(new, "new", "RS256"))
        await authenticate(bearing(token(key=new, kid="new")), settings)
        assert issuer.asked == 2

    async def test_an_issuer_out_of_reach_is_nobodys_token_and_is_left_alone_for_a_while(
        self, issuer: Issuer
    ) -> None:
        settings = issuer.settings()
        for response in (JSONResponse({}, 500), JSONResponse({"keys": []})):
            issuer.response, issuer.asked = response, 0
            fresh = issuer.settings(hf_bill_to=str(response.status_code))
            for _ in range(3):
                with pytest.raises(UnavailableError) as refusal:
                    await authenticate(bearing(token()), fresh)
                assert refusal.value.retry_after
            assert issuer.asked == 1
        issuer.response = None
        assert (await authenticate(bearing(token()), settings)).user_id == "ann"

    async def test_a_key_at_hand_is_judged_by_while_the_issuer_is_away(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("functions.http.auth.jwt._UNKNOWN_KEY_COOLDOWN", 0.0)
        settings = issuer.settings()
        await authenticate(bearing(token()), settings)
        issuer.response = JSONResponse({}, 500)
        strangers = [bearing(token(kid=f"unheard-of-{n}")) for n in range(4)]
        outcomes = await asyncio.gather(
            *(authenticate(stranger, settings) for stranger in strangers), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 4
        assert issuer.asked == 2, "one of them had it asked, for all of them"
        for algorithm in KEYS:
            good = bearing(token(algorithm=algorithm))
            assert (await authenticate(good, settings)).user_id == "ann"
        with pytest.raises(UnauthenticatedError, match="expired"):
            await authenticate(bearing(token(exp=int(time.time()) - 60)), settings)
        other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        with pytest.raises(UnauthenticatedError, match="signature"):
            await authenticate(bearing(token(key=other)), settings)
        assert issuer.asked == 2

    async def test_a_key_at_hand_waits_for_no_strangers_key(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("functions.http.auth.jwt._UNKNOWN_KEY_COOLDOWN", 0.0)
        settings = issuer.settings()
        await authenticate(bearing(token()), settings)
        issuer.response = slow = Slow()
        strangers = [
            asyncio.create_task(authenticate(bearing(token(kid=f"unheard-of-{n}")), settings))
            for n in range(40)
        ]
        try:
            assert await asyncio.to_thread(slow.was_asked.wait, 5)
            assert (await authenticate(bearing(token()), settings)).user_id == "ann"
            assert not any(stranger.done() for stranger in strangers)
            # Whatever else needs a thread gets one.
            await asyncio.to_thread(slow.may_answer.set)
        finally:
            slow.may_answer.set()
            outcomes = await asyncio.gather(*strangers, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {UnavailableError}

    @pytest.mark.parametrize(
        "changes",
        [
            *[{"auth_issuer": ""}, {"auth_audience": ""}, {"jwks_url": "issuer.example"}],
            *[{"jwks_url": "http://issuer.example/keys"}, {"jwks_url": "file:///etc/passwd"}],
        ],
    )
    def test_half_a_configuration_is_refused_at_the_start(self, changes: dict[str, str]) -> None:
        whole = {"jwks_url": "https://i.example/k", "auth_issuer": "i", "auth_audience": "a"}
        check_auth_settings(Settings(**whole))  # type: ignore[arg-type]  # all of them are strings
        with pytest.raises(ConfigurationError):
            check_auth_settings(Settings(**whole | changes))  # type: ignore[arg-type]  # as above

    async def test_with_nothing_configured_the_refusal_says_what_to_configure(self) -> None:
        with pytest.raises(UnauthenticatedError, match=r"AUTH_JWKS_URL.*TERCET_LOCAL"):
            await authenticate(request(x_tercet_user="ann"), Settings())


class TestLocal:
    @pytest.mark.parametrize("user", ["ann", "Zoë", "auth0|1/2", "ann@example.org"])
    async def test_the_header_names_the_user(self, user: str) -> None:
        assert (await authenticate(request(x_tercet_user=user), LOCAL)).user_id == user

    async def test_a_header_is_needed_and_must_name_a_possible_user(self) -> None:
        with pytest.raises(UnauthenticatedError, match="X-Tercet-User"):
            await authenticate(request(), LOCAL)
        with pytest.raises(InvalidRequestError, match="X-Tercet-User"):
            await authenticate(request(x_tercet_user="x" * 2000), LOCAL)
        latin = request(x_tercet_user="ann")
        latin.scope["headers"][-1] = (b"x-tercet-user", b"Zo\xeb")
        with pytest.raises(InvalidRequestError, match="UTF-8"):
            await authenticate(latin, LOCAL)

    @pytest.mark.parametrize(
        "elsewhere",
        [
            *[{"client": "192.168.1.7"}, {"client": "testclient"}, {"server": "192.168.1.5"}],
            *[{"host": "evil.example"}, {"host": "127.0.0.1.evil.example"}, {"host": ""}],
            # What is no host name must not count as the server's own.
            *[{"host": host} for host in ("evil.example:99999", "[", "a:b@evil.example", "\u00ff")],
        ],
    )
    async def test_nobody_else_is_answered(self, elsewhere: dict[str, str]) -> None:
        with pytest.raises(ForbiddenError):
            await authenticate(request(x_tercet_user="ann", **elsewhere), LOCAL)

    async def test_outside_local_mode_the_header_is_nothing(self, issuer: Issuer) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticate(request(x_tercet_user="ann"), issuer.settings())
        both = request(x_tercet_user="eve", authorization=f"Bearer {token()}")
        assert (await authenticate(both, issuer.settings())).user_id == "ann"
