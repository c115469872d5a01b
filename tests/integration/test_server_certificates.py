"""Nothing is sent to servers without a trusted certificate: Redis, PostgreSQL, the token issuer.

For the model hosts see `test_huggingface_peer.py`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from functions.http.auth.caller import authenticate
from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.errors import CacheUnavailableError, StoreUnavailableError, UnavailableError
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.postgres.tls import select_ssl
from shared.settings import Settings
from tests.integration.test_authentication import with_token
from tests.support.certificates import create_self_signed_certificate
from tests.support.huggingface import serving
from tests.support.note_backends import PROFILE
from tests.support.tokens import Issuer, token


class Server:
    """A server that records what it receives, with TLS if it has a certificate."""

    def __init__(self, files: dict[str, str] | None, *, greeting: bytes = b"") -> None:
        """`greeting` is the reply to PostgreSQL's SSLRequest."""
        self.received = b""
        self._greeting = greeting
        self._context: ssl.SSLContext | None = None
        if files:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(files["ssl_certfile"], files["ssl_keyfile"])

    @asynccontextmanager
    async def listening(self, host: str = "127.0.0.1") -> AsyncIterator[int]:
        context = None if self._greeting else self._context
        server = await asyncio.start_server(self._serve, host, 0, ssl=context)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._greeting:
                await reader.readexactly(8)
                writer.write(self._greeting)
                if self._greeting == b"S" and self._context:
                    await writer.start_tls(self._context)
            self.received += await reader.read(1_000)
        writer.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return create_self_signed_certificate(tmp_path_factory.mktemp("tls"))


def causes(error: BaseException | None) -> list[BaseException]:
    return [error, *causes(error.__cause__ or error.__context__)] if error else []


async def test_nothing_is_sent_to_redis_without_a_trusted_certificate(
    files: dict[str, str],
) -> None:
    """The same certificate, trusted, is accepted: so the certificate was the reason."""
    server = Server(files)
    async with server.listening() as port:
        url = f"rediss://:password@localhost:{port}"
        for trusted in (False, True):
            trust = f"?ssl_ca_certs={files['ssl_certfile']}" if trusted else ""
            redis_client = open_redis_client(Settings(redis_url=url + trust), timeout=5)
            with pytest.raises(CacheUnavailableError) as failure:
                await redis_client.execute(Command.of("GET", "a key"))
            await redis_client.aclose()
            assert (b"password" in server.received) is trusted
            if not trusted:
                reasons = map(str, causes(failure.value))
                assert any("CERTIFICATE_VERIFY_FAILED" in reason for reason in reasons)


async def test_nothing_is_sent_in_clear_text_to_redis_without_tls() -> None:
    server = Server(None)
    async with server.listening() as port:
        settings = Settings(redis_url=f"rediss://:password@localhost:{port}")
        redis_client = open_redis_client(settings, timeout=0.5)
        with pytest.raises(CacheUnavailableError):
            await redis_client.execute(Command.of("GET", "a key"))
        await redis_client.aclose()
    assert server.received
    assert b"password" not in server.received
    assert b"a key" not in server.received


@pytest.mark.parametrize("greeting", [b"S", b"N"])
async def test_nothing_is_sent_to_postgresql_without_a_trusted_certificate(
    files: dict[str, str], greeting: bytes
) -> None:
    """`S`: its certificate is not trusted; `N`: it offers no TLS."""
    server = Server(files, greeting=greeting)
    host = "127.0.0.2"  # certificates of 127.0.0.1 and localhost are not verified by default
    async with server.listening(host) as port:
        url = f"postgresql://user:password@{host}:{port}/notes"
        async with aclosing(PostgresNoteStore(url, PROFILE)) as store:
            with pytest.raises(StoreUnavailableError):
                await store.list_notes("ann")
        assert server.received == b""
        if greeting == b"S":
            trusting = f"{url}?sslrootcert={files['ssl_certfile']}"
            async with aclosing(PostgresNoteStore(trusting, PROFILE)) as store:
                with pytest.raises(StoreUnavailableError):
                    await store.list_notes("ann")
            assert b"user" in server.received


async def test_tokens_are_not_verified_with_keys_from_an_untrusted_issuer(
    files: dict[str, str],
) -> None:
    issuer = Issuer()
    with serving(issuer, **files) as url:
        issuer.url = f"{url}/keys.json"
        with pytest.raises(UnavailableError, match="cannot be fetched"):
            await authenticate(with_token(token()), issuer.settings())
    assert issuer.requests == 0


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        *[
            (f"postgresql://u:p@{host}/n", {}, None)
            for host in ("localhost:1", "127.0.0.1,[::1]:9")
        ],
        *[(f"postgresql://{at}/n?host=/run/pg", {}, None) for at in ("", "u:p@", "postgres:@")],
        ("postgresql:///n", {}, None),
        *[(f"postgresql://u:p@db/n?sslmode={mode}", {}, None) for mode in ("disable", "require")],
        ("postgresql://u:p@db/n", {"PGSSLMODE": "prefer"}, None),
        ("postgresql://u:p@db/n?sslrootcert=/ca.pem", {}, "verify-full"),
        ("postgresql://u:p@db/n", {"PGSSLROOTCERT": "/ca.pem"}, "verify-full"),
    ],
)
def test_select_ssl_follows_the_url_and_the_environment(
    url: str, environ: dict[str, str], expected: str | None
) -> None:
    assert select_ssl(url, environ) == expected


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://u:p@db.example:5432/n", {}),
        ("postgresql://u:p@localhost,db.example/n", {}),
        ("postgresql://u:p%40localhost@db.example/n?application_name=localhost", {}),
        ("postgresql:///n?host=db.example", {}),
        ("postgresql:///n", {"PGHOST": "db.example"}),
    ],
)
def test_select_ssl_requires_a_trusted_certificate_of_a_remote_server_by_default(
    url: str, environ: dict[str, str]
) -> None:
    context = select_ssl(url, environ)
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
