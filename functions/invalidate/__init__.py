"""Hear that a note changed: `handler.py` from a queue, `app.py` from a push."""
