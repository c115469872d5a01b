"""Ask: answers a question from a user's notes; `handler.py` on Lambda, `app.py` on ASGI servers."""
