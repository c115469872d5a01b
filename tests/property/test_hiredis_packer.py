"""Commands serialized by hiredis are the bytes that redis-py would have sent."""

from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import Connection

from shared.cache.redis.connection import with_hiredis_packer

redis_py = Connection()
hiredis = with_hiredis_packer(Connection)()

names = st.sampled_from(["GET", "EVALSHA", "CLIENT SETINFO", "HELLO"])
arguments = st.lists(st.one_of(st.text(max_size=99), st.binary(max_size=9_999), st.integers()))
commands = st.tuples(names, arguments).map(lambda parts: (parts[0], *parts[1]))


@given(commands)
def test_pack_command_returns_the_same_bytes(command: tuple[str | bytes | int, ...]) -> None:
    assert b"".join(hiredis.pack_command(*command)) == b"".join(redis_py.pack_command(*command))


@given(st.lists(commands, max_size=5))
def test_pack_commands_returns_the_same_bytes(sent: list[tuple[str | bytes | int, ...]]) -> None:
    assert b"".join(hiredis.pack_commands(sent)) == b"".join(redis_py.pack_commands(sent))
