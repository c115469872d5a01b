"""Whether the server of this container answers: what HEALTHCHECK runs."""

import http.client
import os
import sys

SECONDS = 4.0


def healthy(port: int) -> bool:
    """Whether `GET /health` is answered with 200, within `SECONDS`.

    Without Redis it is, too: questions are answered then as well.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not healthy(int(os.environ["UVICORN_PORT"])))
