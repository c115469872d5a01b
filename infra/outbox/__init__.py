"""Outbox: triggers record changes of notes in PostgreSQL, and a relay delivers them."""
