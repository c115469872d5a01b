"""Returns cache statistics: `app.py` is the ASGI app, `handler.py` the Lambda handler."""
