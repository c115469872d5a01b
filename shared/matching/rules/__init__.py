"""Matching rules: each can refuse a match."""
