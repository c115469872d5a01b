"""Invalidate: applies note changes, from SQS (`handler.py`) or pushed over HTTP (`app.py`)."""
