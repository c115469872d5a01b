"""Moving slots from one node of a cluster to another, in both ways that there are."""

import time
from collections.abc import Iterable
from typing import Any

from redis import Redis
from redis.crc import key_slot

from infra.local.valkey import ValkeyProcess
from shared.cache.keyspace import UserKeys
from tests.support.servers import send_command

_PATIENCE = 20  # seconds


def slot_of(user: str) -> int:
    """Where a user's part of the cache is."""
    return key_slot(UserKeys.of(user).questions.encode())


def move_by_key(source: ValkeyProcess, target: ValkeyProcess, slots: Iterable[int]) -> None:
    """As every cluster does it: slot by slot, and a slot's keys one after another."""
    ids = {node: _id(node) for node in (source, target)}
    client: Any = Redis(port=source.port)  # whose methods are not typed
    for slot in slots:
        send_command(target.port, f"CLUSTER SETSLOT {slot} IMPORTING {ids[source]}")
        send_command(source.port, f"CLUSTER SETSLOT {slot} MIGRATING {ids[target]}")
        while keys := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                # It may have expired, or been removed, meanwhile.
                client.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
        for node in (target, source):
            send_command(node.port, f"CLUSTER SETSLOT {slot} NODE {ids[target]}")
    client.close()


def move_at_once(source: ValkeyProcess, target: ValkeyProcess, slots: Iterable[int]) -> None:
    """As Valkey 9 does it: the slots are copied first, and change hands in one moment."""
    ranges = " ".join(f"SLOTSRANGE {slot} {slot} NODE {_id(target)}" for slot in slots)
    send_command(source.port, f"CLUSTER MIGRATESLOTS {ranges}")
    deadline = time.monotonic() + _PATIENCE
    while send_command(source.port, "CLUSTER GETSLOTMIGRATIONS").count("success") < ranges.count(
        "NODE"
    ):
        if time.monotonic() > deadline:
            raise TimeoutError(send_command(source.port, "CLUSTER GETSLOTMIGRATIONS"))
        time.sleep(0.02)


def _id(node: ValkeyProcess) -> str:
    return send_command(node.port, "CLUSTER MYID").split()[1]
