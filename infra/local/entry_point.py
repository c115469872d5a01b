"""The entry point of the `tercet` command."""

import signal


def main() -> None:
    """Run the command; Ctrl-C while its modules are imported ends it without a traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # slow to load
    from infra.local.cli import app  # noqa: PLC0415

    signal.signal(signal.SIGINT, handler)
    app()
