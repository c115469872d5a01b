"""The subcommands of `tercet`, one module each."""
