"""Tercet on one machine: Valkey, SQLite, MiniLM, sample notes and the `tercet` command."""
