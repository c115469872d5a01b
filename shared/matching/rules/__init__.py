"""Matching rules: each can reject a match."""
