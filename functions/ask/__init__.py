"""Answer a question: `app.py` for any ASGI server, `handler.py` for Lambda."""
