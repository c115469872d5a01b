"""The embedded default: Valkey, SQLite, MiniLM, sample notes and the `tercet` command."""
