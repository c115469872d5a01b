"""Dataclass fields that environment variables set."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, field
from typing import Any

from shared.errors import ConfigurationError
from shared.urls import check_http_url

_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}

_MAX_SHOWN = 40  # characters of a value in an error


class SetVariables:
    """Has the names of the variables that were set, for settings with two names.

    They are not a field, so that equal settings are equal.
    """

    __slots__ = ("_variables",)

    @property
    def variables(self) -> frozenset[str]:
        """Empty if the settings were not read from the environment."""
        names: frozenset[str] = getattr(self, "_variables", frozenset())
        return names

    def remember(self, variables: frozenset[str]) -> None:
        """Set `variables`, also of a frozen dataclass."""
        object.__setattr__(self, "_variables", variables)


def setting(
    variable: str,
    default: Any,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
    http_url: bool = False,
    header: bool = False,
    secret: bool = False,
    verbatim: bool = False,
) -> Any:
    """Declare a field that the environment variable `variable` sets.

    Every number has both limits. A `header` is sent in an HTTP header. White space around the value
    is removed, unless it is `verbatim`.
    """
    limits = {
        "range": (at_least, at_most),
        "one_of": one_of,
        "http_url": http_url,
        "header": header,
    }
    metadata = {"variable": variable, "verbatim": verbatim, **limits}
    return field(default=default, metadata=metadata, repr=not secret)


def variable_names(variable: str) -> tuple[str, ...]:
    """Return the names of a setting: `HF_…` has a second name for other hosts, `LLM_…`."""
    if not variable.startswith("HF_"):
        return (variable,)
    return variable, f"LLM_{variable.removeprefix('HF_')}"


def read_variables(
    settings: Iterable[Field[Any]], environ: Mapping[str, str]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the values by field, and the names of the variables that are set.

    Raises:
        ConfigurationError: a value has the wrong type or is out of its range, or two names of a
            setting have two values.
    """
    given: dict[str, Any] = {}
    variables: set[str] = set()
    for each in settings:
        for name in variable_names(each.metadata["variable"]):
            text = environ.get(name, "")
            if not text.strip():
                continue
            value = _parse(each, name, text if each.metadata["verbatim"] else text.strip())
            if each.name in given and given[each.name] != value:
                names = " and ".join(variable_names(each.metadata["variable"]))
                raise ConfigurationError(
                    f"{names} are two names of one setting, but have two values: set one of them"
                )
            check_limits(each, value, name)
            given[each.name] = value
            variables.add(name)
    return given, frozenset(variables)


def check_limits(setting: Field[Any], value: Any, variable: str) -> None:
    """Check a value; the error names the variable.

    Raises:
        ConfigurationError: it is out of its range.
    """
    low, high = setting.metadata["range"]
    # `not >=` instead of `<`, so that NaN is out of range.
    if low is not None and not value >= low:
        raise ConfigurationError(
            f"{variable} must be at least {low} and at most {high}, not {_shorten(str(value))}"
        )
    if high is not None and not value <= high:
        raise ConfigurationError(
            f"{variable} must be at most {high} and at least {low}, not {_shorten(str(value))}"
        )
    one_of = setting.metadata["one_of"]
    if one_of and value not in one_of:
        raise ConfigurationError(f"{variable} must be one of {', '.join(one_of)}, not {value!r}")
    if setting.metadata["http_url"] and value:
        check_http_url(variable, value)
    # The errors of HTTP libraries would quote the value.
    is_visible = not setting.metadata["header"] or re.fullmatch("[!-~]*", value)
    if not is_visible:
        raise ConfigurationError(
            f"{variable} must consist of visible ASCII characters, without spaces or line breaks"
        )


def _parse(setting: Field[Any], variable: str, text: str) -> Any:
    kind: Any = type(setting.default)
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number"}.get(kind, "a number")
        raise ConfigurationError(f"{variable} must be {expected}, not {_shorten(text)!r}") from None


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
