"""Owning something for a while: one of all who would do it does."""

from shared.cache.redis.commands import Command, Script

_CLAIM = Script("acquire_lock")


def claim(name: str, token: str, milliseconds: int) -> Command:
    """Own what is named so, unless somebody does; gives its owner's token."""
    return _CLAIM.call([name], token, milliseconds)
