"""PgBouncer in transaction mode before the tests' PostgreSQL server, where it is installed."""

import getpass
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.valkey import free_port
from tests.support.listening import wait_for_port
from tests.support.postgres import database_name

_CONFIG = """
[databases]
* = host={folder} user=postgres pool_size=2
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 200
{user}
"""


@contextmanager
def start_pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a database through PgBouncer, which has two connections to the server.

    `url` is the database's URL on its Unix socket. Skips the test if PgBouncer is not installed.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    port = free_port()
    config = folder / "pgbouncer.ini"
    socket_folder = url.partition("host=")[2]
    # PgBouncer does not run as root: it becomes the user of the PostgreSQL server.
    owner = (Path(socket_folder) / ".s.PGSQL.5432").owner()
    user = f"user = {owner}" if getpass.getuser() == "root" else ""
    config.write_text(_CONFIG.format(folder=socket_folder, port=port, user=user))
    process = subprocess.Popen([program, str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(process, port)
        yield f"postgresql://tercet@127.0.0.1:{port}/{database_name(url)}"
    finally:
        process.terminate()
        process.wait()
