"""`python -m infra.outbox`: record changes of a table of notes, and deliver them."""

import argparse
import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import asyncpg

from infra.outbox.install import install, require_installed, uninstall
from infra.outbox.operate import report, retry
from infra.outbox.relay import Relay
from infra.outbox.settings import OutboxSettings, database_connector
from infra.outbox.source_table import Columns
from infra.outbox.targets import create_target
from shared.errors import TercetError
from shared.observability.json_logging import configure_logging
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def main(arguments: "Sequence[str] | None" = None) -> None:
    """Run a command; exit with a message if it fails."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "relay":
            asyncio.run(_relay(os.environ, once=options.once))
        else:
            sys.stdout.write(asyncio.run(_manage(os.environ, options)) + "\n")
    except TercetError as error:
        sys.exit(f"outbox: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncpg.LockNotAvailableError:
        sys.exit("outbox: the table is in use: end long transactions, or try again")
    except asyncpg.InsufficientPrivilegeError as error:
        sys.exit(f"outbox: the role must own the table and may create a schema: {error}")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # The driver's message can have the server's address, or a value.
        sys.exit(f"outbox: the database cannot be used ({type(error).__name__})")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.outbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("install", help="record the changes of a table from now on")
    adding.add_argument("--table", required=True, help="schema.table")
    for name in ("user", "id", "title", "text"):
        adding.add_argument(f"--{name}-column", required=True)
    adding.add_argument("--tags-column", help="an array, or JSON")
    adding.add_argument("--existing", action="store_true", help="also record each row there is")
    removing = commands.add_parser("uninstall", help="remove the triggers of a table")
    removing.add_argument(
        "--table", required=True, help="schema.table, or the number of a table that was dropped"
    )
    commands.add_parser("status", help="count what is not delivered")
    commands.add_parser("retry", help="deliver refused records again")
    relaying = commands.add_parser("relay", help="deliver records until it is stopped")
    relaying.add_argument("--once", action="store_true", help="deliver what is ready, and exit")
    return parser


async def _manage(environ: "Mapping[str, str]", options: argparse.Namespace) -> str:
    """Run a command with one connection; return what it reports."""
    connection = await database_connector(environ)(statement_cache_size=0)
    try:
        if options.command == "install":
            names = (options.user_column, options.id_column, options.title_column)
            columns = Columns(*names, options.text_column, options.tags_column)
            name = await install(connection, options.table, columns, existing=options.existing)
            return f"changes of {name} are recorded: start python -m infra.outbox relay"
        if options.command == "uninstall":
            if left := await uninstall(connection, options.table):
                return f"removed; {left} records are left: deliver them, then run this again"
            return "removed"
        await require_installed(connection)
        return await (report if options.command == "status" else retry)(connection)
    finally:
        await connection.close()


async def _relay(environ: "Mapping[str, str]", *, once: bool) -> None:
    """Deliver until SIGTERM or SIGINT, or `once` what is ready."""
    settings = OutboxSettings.from_env(environ)
    configure_logging(Settings.from_env({"LOG_LEVEL": environ.get("LOG_LEVEL", "")}))
    connect = database_connector(environ)
    target = create_target(settings)
    relay = Relay(connect, target)
    work = asyncio.ensure_future(relay.drain() if once else relay.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        if not work.cancelled():
            raise
    finally:
        await target.aclose()


if __name__ == "__main__":
    main()
