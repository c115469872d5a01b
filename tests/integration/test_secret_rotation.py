"""Secrets from Secrets Manager that change while a container is running."""

import asyncio
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from shared.container import Container
from shared.errors import (
    ConfigurationError,
    InferenceRefusedError,
    InferenceUnavailableError,
    StoreUnavailableError,
    UnavailableError,
)
from shared.inference.ports import ChatMessage
from shared.notes.note import Note
from shared.notes.postgres.store import PostgresNoteStore
from shared.question import Request
from shared.settings import Settings
from tests.support.failing_secrets_manager import failing_secrets_manager
from tests.support.http_faults import refuse
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.local_environment import start_local_environment, write_notes
from tests.support.postgres import PostgresServer
from tests.support.secrets_manager import REGION, secrets_manager, set_aws_credentials
from tests.support.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TOKEN, DATABASE = "tercet/hf-token", "tercet/database-url"
QUESTION = [ChatMessage("user", "Who was Ruth?")]


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aws_credentials(monkeypatch)


@pytest.fixture
def secrets_client() -> Iterator["SecretsManagerClient"]:
    with secrets_manager(TOKEN, '{"HF_TOKEN": "hf_one"}') as client:
        yield client


@dataclass
class Models:
    """A stand-in model host, and containers that use it."""

    host: FakeHuggingFace
    settings: Settings
    opened: list[Container]

    def container(self) -> Container:
        self.opened.append(Container(self.settings))
        return self.opened[-1]


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    host = FakeHuggingFace(token="hf_one")
    with serving(host) as url:
        settings = Settings(
            hf_token_secret=TOKEN,
            aws_region=REGION,
            chat_url=f"{url}/v1/chat/completions",
            embedding_url=f"{url}/embed",
        )
        models = Models(host, settings, [])
        yield models
        for container in models.opened:
            await container.aclose()


async def test_a_rotated_token_is_fetched_when_the_old_one_is_refused(
    secrets_client: "SecretsManagerClient", models: Models
) -> None:
    """Ten concurrent requests are answered; each is sent twice at most."""
    chat = models.container().chat
    await chat.complete(QUESTION, max_tokens=9)
    secrets_client.put_secret_value(SecretId=TOKEN, SecretString="hf_two\n")
    models.host.token = "hf_two"
    replies = await asyncio.gather(*(chat.complete(QUESTION, max_tokens=9) for _ in range(10)))
    assert len(replies) == 10
    assert len(models.host.calls) <= 21
    before = len(models.host.calls)
    await chat.complete(QUESTION, max_tokens=9)
    assert len(models.host.calls) == before + 1


async def test_a_token_is_also_fetched_again_after_status_403(
    secrets_client: "SecretsManagerClient", models: Models
) -> None:
    chat = models.container().chat
    await chat.complete(QUESTION, max_tokens=9)
    secrets_client.put_secret_value(SecretId=TOKEN, SecretString="hf_two")
    models.host.script(refuse(403, {"error": "no permission"}))
    models.host.token = "hf_two"
    await chat.complete(QUESTION, max_tokens=9)


@pytest.mark.usefixtures("secrets_client")
async def test_the_error_for_a_refused_token_does_not_quote_it(models: Models) -> None:
    models.host.token = "hf_other"
    models.host.script(refuse(401, {"error": "hf_one is not valid"}))
    with pytest.raises(InferenceRefusedError, match="401") as caught:
        await models.container().chat.complete(QUESTION, max_tokens=9)
    assert "hf_one" not in str(caught.value)
    assert len(models.host.calls) == 1


async def test_a_token_is_fetched_by_its_arn_at_first_use(
    secrets_client: "SecretsManagerClient", models: Models
) -> None:
    arn = secrets_client.describe_secret(SecretId=TOKEN)["ARN"]
    container = Container(Settings(hf_token_secret=arn, aws_region=REGION))
    token = container.secrets.hf_token()
    secrets_client.put_secret_value(SecretId=TOKEN, SecretString="hf_later")
    assert await token.get() == "hf_later"
    assert "hf_later" not in repr(token)


async def test_an_exact_hit_fetches_no_secret(tmp_path: Path) -> None:
    """The secrets do not exist: a fetch would fail."""
    with start_local_environment(tmp_path) as local:
        writer = Container(Settings.from_env(local.environ))
        await write_notes(writer, "ann")
        await writer.assistant.ask(Request("ann", "What is faith?"))
        await writer.aclose()
        environ = local.environ | {
            "DATABASE_URL": "",
            "HF_TOKEN_SECRET": "absent",
            "DATABASE_URL_SECRET": "absent",
            "AWS_REGION": REGION,
        }
        with mock_aws():
            container = Container(Settings.from_env(environ))
            reply = await container.assistant.ask(Request("ann", "what is FAITH"))
            assert reply.tier == "l1"
            with pytest.raises(ConfigurationError, match="HF_TOKEN_SECRET"):
                await container.assistant.ask(Request("ann", "What is hope?"))
            await container.aclose()


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("ResourceNotFoundException", ConfigurationError, "create it in eu-central-1"),
        ("AccessDeniedException", ConfigurationError, "secretsmanager:GetSecretValue"),
        ("DecryptionFailure", ConfigurationError, "kms:Decrypt"),
        ("InternalServiceError", UnavailableError, "InternalServiceError"),
        ("ThrottlingException", UnavailableError, "ThrottlingException"),
    ],
)
async def test_an_error_of_secrets_manager_is_raised_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception], message: str
) -> None:
    with failing_secrets_manager(code) as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(hf_token_secret="a", aws_region=REGION))
        with pytest.raises(error, match=rf"HF_TOKEN_SECRET.*{message}"):
            await container.secrets.hf_token().get()


@pytest.mark.parametrize("failures", [0, 1_000])
@pytest.mark.parametrize(
    "content",
    [
        *(b"hush", b"7", b"[]", b"\xff", b"[" * 900 + b"]" * 900, b"[" * 20_000),
        b'{"__type": "hush hush", "SecretString": 7}',
        b'{"__type": ["hush"], "SecretString": ["hush"]}',
        b'{"SecretString": "{' + b"[" * 20_000 + b'"}',
    ],
    ids=lambda content: str(content[:30]),
)
async def test_a_malformed_response_of_secrets_manager_is_an_error_that_quotes_nothing(
    monkeypatch: pytest.MonkeyPatch, content: bytes, failures: int
) -> None:
    with failing_secrets_manager("", times=failures, content=content) as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(hf_token_secret="a", aws_region=REGION))
        with pytest.raises((UnavailableError, ConfigurationError), match="HF_TOKEN_SECRET") as got:
            await container.secrets.hf_token().get()
    assert "hush" not in str(got.value)


@pytest.mark.parametrize("failures", [0, 1_000])
@pytest.mark.parametrize(("size", "pause"), [(1_000_000, 0.0), (1_000, 0.01)])
async def test_a_response_of_secrets_manager_is_read_with_a_limit_of_size_and_time(
    monkeypatch: pytest.MonkeyPatch, size: int, pause: float, failures: int
) -> None:
    monkeypatch.setattr("shared.aws.sdk._MAX_SECONDS", 0.2 if pause else 60.0)
    monkeypatch.setattr("shared.background_fetch._WAIT_SECONDS", 60.0)
    content = b" " * size
    with failing_secrets_manager("", times=failures, content=content, pause=pause) as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(hf_token_secret="a", aws_region=REGION))
        with pytest.raises(UnavailableError, match=r"HF_TOKEN_SECRET.*ResponseLimitExceededError"):
            await container.secrets.hf_token().get()
        assert len(calls) == 1


async def test_a_throttled_fetch_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_secrets_manager("ThrottlingException", times=1, then="hf_one") as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(hf_token_secret="a", aws_region=REGION))
        assert await container.secrets.hf_token().get() == "hf_one"
        assert len(calls) == 2


async def test_a_model_call_without_a_token_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, models: Models
) -> None:
    with failing_secrets_manager("InternalServiceError") as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        with pytest.raises(InferenceUnavailableError, match="the models' token is unavailable"):
            await models.container().chat.complete(QUESTION, max_tokens=9)
    assert models.host.calls == []


async def test_an_unreachable_secrets_manager_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with failing_secrets_manager("") as (url, _):
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
    container = Container(Settings(hf_token_secret="a", aws_region=REGION))
    with pytest.raises(UnavailableError, match="EndpointConnectionError"):
        await container.secrets.hf_token().get()


async def test_no_request_that_has_a_value_waits_for_a_secrets_manager_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    released.set()
    with failing_secrets_manager("", times=0, then="hf_a", released=released) as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        secret = Container(Settings(hf_token_secret="a", aws_region=REGION)).secrets.hf_token()
        assert await secret.get() == "hf_a"
        released.clear()
        monkeypatch.setattr(secret, "_fetched_at", 0.0)
        assert [await secret.get() for _ in range(5)] == ["hf_a"] * 5
        await until(lambda: len(calls) == 2)
        assert [await secret.get() for _ in range(5)] == ["hf_a"] * 5
        released.set()


async def test_a_binary_secret_is_rejected(secrets_client: "SecretsManagerClient") -> None:
    secrets_client.create_secret(Name="bytes", SecretBinary=b"hf_one")
    container = Container(Settings(hf_token_secret="bytes", aws_region=REGION))
    with pytest.raises(ConfigurationError, match="HF_TOKEN_SECRET names must be text"):
        await container.secrets.hf_token().get()


async def test_the_error_without_boto3_names_the_alternatives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    container = Container(Settings(hf_token_secret="a", aws_region=REGION))
    with pytest.raises(ConfigurationError, match=r"package boto3.*install it, or set HF_TOKEN"):
        await container.secrets.hf_token().get()


async def test_the_error_of_a_failed_client_names_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "absent")
    container = Container(Settings(hf_token_secret="a", aws_region=REGION))
    with pytest.raises(ConfigurationError, match=r"ProfileNotFound.*AWS_ in the environment"):
        await container.secrets.hf_token().get()


@dataclass
class Database:
    """A PostgreSQL role with a password of its own."""

    server: PostgresServer
    url: str
    role: str

    async def set_password(self, password: str) -> str:
        """Set the password and return the URL with it."""
        await self.server.execute("postgres", f"ALTER ROLE {self.role} PASSWORD '{password}'")
        return self.url.replace("postgres:@", f"{self.role}:{password}@")


@pytest.fixture
async def database(postgres_server: PostgresServer, postgres_url: str) -> Database:
    role = f"rotated_{secrets.token_hex(4)}"
    await postgres_server.execute("postgres", f"CREATE ROLE {role} LOGIN SUPERUSER")
    postgres_server.require_password(role)
    assert "postgres:@" in postgres_url
    return Database(postgres_server, postgres_url, role)


async def test_a_rotated_database_password_is_fetched_when_the_old_one_is_refused(
    secrets_client: "SecretsManagerClient", database: Database
) -> None:
    """New connections use the new password, and no request fails."""
    url = await database.set_password("one")
    secrets_client.create_secret(Name=DATABASE, SecretString=url)
    container = Container(Settings(database_url_secret=DATABASE, aws_region=REGION))
    # A busy machine needs more time than the default to load the SDK and to connect.
    store = PostgresNoteStore(
        container.secrets.database_url(), container.embedding_profile, connect_timeout=60
    )
    await store.migrate()
    note = Note("ann", "n", "", "Ruth", 1, 1)
    assert await store.replace_note(note, [])
    secrets_client.put_secret_value(
        SecretId=DATABASE, SecretString=await database.set_password("two")
    )
    database.server.close_connections(database.url)
    assert await asyncio.gather(*(store.get_note("ann", "n") for _ in range(5))) == [note] * 5
    await database.set_password("three")
    database.server.close_connections(database.url)
    with pytest.raises(StoreUnavailableError, match="InvalidPasswordError"):
        await store.get_note("ann", "n")
    await store.aclose()


async def test_a_store_is_unavailable_if_its_password_cannot_be_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with failing_secrets_manager("InternalServiceError") as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(database_url_secret="a", aws_region=REGION))
        # As above: it loads the SDK.
        store = PostgresNoteStore(
            container.secrets.database_url(), container.embedding_profile, connect_timeout=60
        )
        with pytest.raises(StoreUnavailableError, match="UnavailableError"):
            await store.get_note("ann", "n")
        await store.aclose()
