"""Secrets from Secrets Manager, changed while a container is warm; nobody deploys anything."""

import asyncio
import secrets
import sys
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
from shared.inference.ports import Message
from shared.notes.note import Note
from shared.question import Request
from shared.settings import Settings
from tests.support.asking import surroundings, write_notes
from tests.support.failing_secrets_manager import failing_secrets_manager
from tests.support.http_faults import refuse
from tests.support.huggingface import HuggingFaceStandIn, serving
from tests.support.postgres import PostgresServer
from tests.support.secrets_manager import REGION, secrets_manager, set_aws_credentials

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TOKEN, DATABASE = "tercet/hf-token", "tercet/database-url"
QUESTION = [Message("user", "Who was Ruth?")]


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aws_credentials(monkeypatch)


@pytest.fixture
def keeper() -> Iterator["SecretsManagerClient"]:
    with secrets_manager(TOKEN, '{"HF_TOKEN": "hf_one"}') as client:
        yield client


@dataclass
class Models:
    """The models' host, and containers that ask it."""

    host: HuggingFaceStandIn
    settings: Settings
    opened: list[Container]

    def container(self) -> Container:
        self.opened.append(Container(self.settings))
        return self.opened[-1]


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    host = HuggingFaceStandIn(token="hf_one")
    with serving(host) as url:
        settings = Settings(
            hf_token_secret=TOKEN,
            aws_region=REGION,
            chat_url=f"{url}/v1/chat/completions",
            embedding_url=f"{url}/embed",
        )
        made = Models(host, settings, [])
        yield made
        for container in made.opened:
            await container.aclose()


async def test_a_rotated_token_is_taken_up_where_the_old_one_is_refused(
    keeper: "SecretsManagerClient", models: Models
) -> None:
    """Ten requests at once meet it: each is answered, and sent twice at most."""
    chat = models.container().chat
    await chat.complete(QUESTION, max_tokens=9)
    keeper.put_secret_value(SecretId=TOKEN, SecretString="hf_two\n")
    models.host.token = "hf_two"
    replies = await asyncio.gather(*(chat.complete(QUESTION, max_tokens=9) for _ in range(10)))
    assert len(replies) == 10
    assert len(models.host.calls) <= 21
    before = len(models.host.calls)
    await chat.complete(QUESTION, max_tokens=9)
    assert len(models.host.calls) == before + 1


async def test_a_token_without_the_permission_is_asked_for_again_too(
    keeper: "SecretsManagerClient", models: Models
) -> None:
    chat = models.container().chat
    await chat.complete(QUESTION, max_tokens=9)
    keeper.put_secret_value(SecretId=TOKEN, SecretString="hf_two")
    models.host.script(refuse(403, {"error": "no permission"}))
    models.host.token = "hf_two"
    await chat.complete(QUESTION, max_tokens=9)


@pytest.mark.usefixtures("keeper")
async def test_a_token_that_stays_wrong_is_refused_without_being_quoted(models: Models) -> None:
    models.host.token = "hf_other"
    models.host.script(refuse(401, {"error": "hf_one is not valid"}))
    with pytest.raises(InferenceRefusedError, match="401") as caught:
        await models.container().chat.complete(QUESTION, max_tokens=9)
    assert "hf_one" not in str(caught.value)
    assert len(models.host.calls) == 1


async def test_a_token_is_read_by_its_arn_and_not_before_it_is_needed(
    keeper: "SecretsManagerClient", models: Models
) -> None:
    arn = keeper.describe_secret(SecretId=TOKEN)["ARN"]
    container = Container(Settings(hf_token_secret=arn, aws_region=REGION))
    token = container.secrets.hf_token()
    keeper.put_secret_value(SecretId=TOKEN, SecretString="hf_later")
    assert await token.get() == "hf_later"
    assert "hf_later" not in repr(token)


async def test_an_exact_hit_needs_neither_token_nor_database(tmp_path: Path) -> None:
    """Neither secret exists, so whoever reads one fails."""
    with surroundings(tmp_path) as around:
        writer = Container(Settings.from_env(around.environ))
        await write_notes(writer, "ann")
        await writer.assistant.ask(Request("ann", "What is faith?"))
        await writer.aclose()
        environ = around.environ | {
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
    ("code", "error", "said"),
    [
        ("ResourceNotFoundException", ConfigurationError, "create it in eu-central-1"),
        ("AccessDeniedException", ConfigurationError, "secretsmanager:GetSecretValue"),
        ("DecryptionFailure", ConfigurationError, "kms:Decrypt"),
        ("InternalServiceError", UnavailableError, "InternalServiceError"),
        ("ThrottlingException", UnavailableError, "ThrottlingException"),
    ],
)
async def test_what_stands_in_the_way_of_a_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception], said: str
) -> None:
    with failing_secrets_manager(code) as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(hf_token_secret="a", aws_region=REGION))
        with pytest.raises(error, match=rf"HF_TOKEN_SECRET.*{said}"):
            await container.secrets.hf_token().get()


async def test_a_throttled_reading_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_secrets_manager("ThrottlingException", times=1, then="hf_one") as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(hf_token_secret="a", aws_region=REGION))
        assert await container.secrets.hf_token().get() == "hf_one"
        assert len(calls) == 2


async def test_a_model_s_caller_is_told_where_no_token_comes(
    monkeypatch: pytest.MonkeyPatch, models: Models
) -> None:
    with failing_secrets_manager("InternalServiceError") as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        with pytest.raises(InferenceUnavailableError, match="no token to ask models with"):
            await models.container().chat.complete(QUESTION, max_tokens=9)
    assert models.host.calls == []


async def test_nobody_at_secrets_manager_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_secrets_manager("") as (url, _):
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
    container = Container(Settings(hf_token_secret="a", aws_region=REGION))
    with pytest.raises(UnavailableError, match="EndpointConnectionError"):
        await container.secrets.hf_token().get()


async def test_a_secret_that_is_not_text_is_refused(keeper: "SecretsManagerClient") -> None:
    keeper.create_secret(Name="bytes", SecretBinary=b"hf_one")
    container = Container(Settings(hf_token_secret="bytes", aws_region=REGION))
    with pytest.raises(ConfigurationError, match="HF_TOKEN_SECRET names must be text"):
        await container.secrets.hf_token().get()


async def test_where_boto3_is_missing_it_is_said_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    container = Container(Settings(hf_token_secret="a", aws_region=REGION))
    with pytest.raises(ConfigurationError, match=r"package boto3.*install it, or set HF_TOKEN"):
        await container.secrets.hf_token().get()


async def test_where_boto3_makes_no_client_it_is_said_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "absent")
    container = Container(Settings(hf_token_secret="a", aws_region=REGION))
    with pytest.raises(ConfigurationError, match=r"ProfileNotFound.*AWS_ in the environment"):
        await container.secrets.hf_token().get()


@dataclass
class Database:
    """A PostgreSQL role of its own whose password is a secret."""

    server: PostgresServer
    url: str
    role: str

    async def set_password(self, password: str) -> str:
        """Change it; gives the URL with it."""
        await self.server.execute("postgres", f"ALTER ROLE {self.role} PASSWORD '{password}'")
        return self.url.replace("postgres:@", f"{self.role}:{password}@")


@pytest.fixture
async def database(postgres_server: PostgresServer, postgres_url: str) -> Database:
    role = f"rotated_{secrets.token_hex(4)}"
    await postgres_server.execute("postgres", f"CREATE ROLE {role} LOGIN SUPERUSER")
    postgres_server.demand_password(role)
    assert "postgres:@" in postgres_url
    return Database(postgres_server, postgres_url, role)


async def test_a_rotated_password_is_taken_up_where_the_old_one_is_refused(
    keeper: "SecretsManagerClient", database: Database
) -> None:
    """What is open stays open; the next connection meets the refusal, and no request does."""
    url = await database.set_password("one")
    keeper.create_secret(Name=DATABASE, SecretString=url)
    container = Container(Settings(database_url_secret=DATABASE, aws_region=REGION))
    store = container.store
    await store.migrate()  # type: ignore[attr-defined]  # PostgreSQL's alone
    note = Note("ann", "n", "", "Ruth", 1, 1)
    assert await store.replace_note(note, [])
    keeper.put_secret_value(SecretId=DATABASE, SecretString=await database.set_password("two"))
    database.server.close_connections(database.url)
    assert await asyncio.gather(*(store.get_note("ann", "n") for _ in range(5))) == [note] * 5
    await database.set_password("three")
    database.server.close_connections(database.url)
    with pytest.raises(StoreUnavailableError, match="InvalidPasswordError"):
        await store.get_note("ann", "n")
    await store.aclose()


async def test_a_store_whose_password_cannot_be_read_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with failing_secrets_manager("InternalServiceError") as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        container = Container(Settings(database_url_secret="a", aws_region=REGION))
        with pytest.raises(StoreUnavailableError, match="UnavailableError"):
            await container.store.get_note("ann", "n")
        await container.aclose()
