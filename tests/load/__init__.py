"""The load test: its servers, users and latencies."""

SERVERS = 2
SPAWN_RATE = 10  # users per second
WAIT_SECONDS = (1.0, 3.0)  # between the questions of a user
EMBEDDING_SECONDS, ANSWER_SECONDS = 0.2, 3.5  # latencies of the stand-in models
