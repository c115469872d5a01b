"""Presigned addresses are to the letter what AWS' own signer makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.credentials import Credentials
from shared.aws.signing import presign
from tests.support.iam import by_botocore

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
# AWS' user ids are narrower; what is signed may hold anything that a query can.
USERS = st.text(st.characters(codec="utf-8"), max_size=40)
TIMES = st.integers(0, 4_102_444_800)


CREDENTIALS = st.builds(Credentials, KEYS, KEYS, st.just("") | KEYS)


@given(
    host=NAMES,
    user=USERS,
    region=NAMES,
    credentials=CREDENTIALS,
    at=TIMES,
    valid=st.integers(1, 604_800),
)
def test_an_address_is_what_awss_own_signer_makes(
    *, host: str, user: str, region: str, credentials: Credentials, at: int, valid: int
) -> None:
    query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
    made = presign(
        host,
        query,
        service="elasticache",
        region=region,
        credentials=credentials,
        at=at,
        valid=valid,
    )
    assert made == by_botocore(host, query, region, credentials=credentials, at=at, valid=valid)


@pytest.mark.parametrize("at", [1_700_000_000.999, 1_700_000_000])
def test_a_part_of_a_second_does_not_count(at: float) -> None:
    made = presign(
        "c", {}, service="s", region="r", credentials=Credentials("k", "s"), at=at, valid=900
    )
    assert "X-Amz-Date=20231114T221320Z" in made


def test_credentials_do_not_show_themselves() -> None:
    assert "hush" not in repr(Credentials("id", "hush", "hush"))
