"""Commands serialized by hiredis are the bytes that redis-py would have sent."""

from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import Connection

from shared.cache.redis.commands import Command
from shared.cache.redis.connection import serialize

redis_py = Connection()

names = st.sampled_from(["GET", "EVALSHA", "HELLO"])
arguments = st.lists(st.one_of(st.text(max_size=99), st.binary(max_size=9_999), st.integers()))
commands = st.tuples(names, arguments).map(lambda parts: (parts[0], *parts[1]))


@given(commands)
def test_command_is_serialized_to_the_same_bytes(command: tuple[str | bytes | int, ...]) -> None:
    assert serialize(Command.of(*command)) == b"".join(redis_py.pack_command(*command))
