"""Notes: their chunks, the stores that keep them, the message that one changed."""
