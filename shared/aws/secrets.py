"""The secrets that the settings give or name."""

from functools import partial
from typing import TYPE_CHECKING

from shared.aws.secret_texts import database_url_in, redis_userinfo_in, token_in
from shared.aws.secrets_manager import SecretsManager
from shared.secrets import GivenSecret, KeptSecret, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings import Settings


class Secrets:
    """Secrets of one container; each is read when it is first needed."""

    def __init__(self, settings: "Settings") -> None:
        """Nothing is read yet."""
        self._settings = settings
        self._keeper = SecretsManager(settings.aws_region)

    def hf_token(self) -> Secret:
        """The token for the models' hosts; empty where there is none."""
        settings = self._settings
        if settings.hf_token_secret:
            return self._kept("HF_TOKEN_SECRET", settings.hf_token_secret, token_in)
        return GivenSecret(settings.hf_token)

    def database_url(self) -> "str | Secret":
        """Where the notes are."""
        settings = self._settings
        if settings.database_url_secret:
            found_in = partial(database_url_in, address=settings.explicit_database_url)
            return self._kept("DATABASE_URL_SECRET", settings.database_url_secret, found_in)
        return settings.database_url

    def redis_userinfo(self) -> KeptSecret:
        """Redis' user and password, which REDIS_CACHE_PASSWORD_SECRET names, as in a URL."""
        name = self._settings.redis_password_secret
        return self._kept("REDIS_CACHE_PASSWORD_SECRET", name, redis_userinfo_in)

    def _kept(self, variable: str, name: str, found_in: "Callable[[str], str]") -> KeptSecret:
        async def read() -> str:
            return found_in(await self._keeper.read(variable, name))

        return KeptSecret(variable, read)
