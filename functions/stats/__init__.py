"""Show what the cache saves: `app.py` for any ASGI server, `handler.py` for Lambda."""
