"""Local mode is restricted to loopback addresses and refused on Lambda."""

import pytest

from functions.http.auth.local_mode import check_local_mode, is_loopback
from shared.errors import ConfigurationError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_local_mode_starts_on_a_loopback_address(host: str) -> None:
    check_local_mode({"HOME": "/root", "LAMBDA_TASK_ROOT": ""}, host)
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.org", "localhost."])  # noqa: S104
def test_local_mode_refuses_other_addresses(host: str) -> None:
    with pytest.raises(ConfigurationError, match="loopback"):
        check_local_mode({}, host)


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"])
def test_local_mode_refuses_lambda(variable: str) -> None:
    with pytest.raises(ConfigurationError, match="Lambda"):
        check_local_mode({variable: "x"})


def test_missing_address_is_not_loopback() -> None:
    assert not is_loopback(None)
