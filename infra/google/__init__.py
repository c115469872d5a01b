"""Tercet on Cloud Run."""
