"""ElastiCache tokens are byte for byte those of AWS' own signer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.credentials import Credentials
from shared.cache.redis.iam_auth import sign_token
from tests.support.redis_acl import presign_with_botocore

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
# AWS restricts user ids more; a query may contain any text.
USERS = st.text(st.characters(codec="utf-8"), max_size=40)
TIMES = st.integers(0, 4_102_444_800)
CREDENTIALS = st.builds(Credentials, KEYS, KEYS, st.just("") | KEYS)


@given(host=NAMES, user=USERS, region=NAMES, credentials=CREDENTIALS, signed_at=TIMES)
def test_sign_token_returns_the_presigned_url_of_botocore(
    *, host: str, user: str, region: str, credentials: Credentials, signed_at: int
) -> None:
    query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
    token = sign_token(user, host, region, credentials, signed_at=signed_at)
    assert token == presign_with_botocore(
        host, query, region, credentials=credentials, signed_at=signed_at, expires_in=900
    )


@pytest.mark.parametrize("signed_at", [1_700_000_000.999, 1_700_000_000])
def test_sign_token_ignores_fractions_of_a_second(signed_at: float) -> None:
    token = sign_token("u", "c", "r", Credentials("k", "s"), signed_at=signed_at)
    assert "X-Amz-Date=20231114T221320Z" in token


def test_repr_of_credentials_does_not_contain_secrets() -> None:
    assert "hush" not in repr(Credentials("id", "hush", "hush"))
