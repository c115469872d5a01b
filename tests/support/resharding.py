"""Slot migration between nodes of a cluster, in both ways that Valkey offers."""

import time
from collections.abc import Iterable
from typing import Any

from redis import Redis
from redis.crc import key_slot

from infra.local.valkey import ValkeyProcess
from shared.cache.keyspace import UserKeys
from tests.support.servers import send_command

_TIMEOUT_SECONDS = 20


def slot_of(user: str) -> int:
    """The slot of a user's keys."""
    return key_slot(UserKeys.of(user).questions.encode())


def migrate_key_by_key(source: ValkeyProcess, target: ValkeyProcess, slots: Iterable[int]) -> None:
    """Migrate slots one after another, and their keys one by one (CLUSTER SETSLOT, MIGRATE)."""
    ids = {node: _id(node) for node in (source, target)}
    client: Any = Redis(port=source.port)  # its methods are not typed
    for slot in slots:
        send_command(target.port, f"CLUSTER SETSLOT {slot} IMPORTING {ids[source]}")
        send_command(source.port, f"CLUSTER SETSLOT {slot} MIGRATING {ids[target]}")
        while keys := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                # The key may have expired or been removed.
                client.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
        for node in (target, source):
            send_command(node.port, f"CLUSTER SETSLOT {slot} NODE {ids[target]}")
    client.close()


def migrate_atomically(source: ValkeyProcess, target: ValkeyProcess, slots: Iterable[int]) -> None:
    """Migrate slots atomically after copying them (CLUSTER MIGRATESLOTS, Valkey 9)."""
    ranges = " ".join(f"SLOTSRANGE {slot} {slot} NODE {_id(target)}" for slot in slots)
    send_command(source.port, f"CLUSTER MIGRATESLOTS {ranges}")
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while send_command(source.port, "CLUSTER GETSLOTMIGRATIONS").count("success") < ranges.count(
        "NODE"
    ):
        if time.monotonic() > deadline:
            raise TimeoutError(send_command(source.port, "CLUSTER GETSLOTMIGRATIONS"))
        time.sleep(0.02)


def _id(node: ValkeyProcess) -> str:
    return send_command(node.port, "CLUSTER MYID").split()[1]
