"""`python infra/smoke_test.py URL`: write a note, ask, ask again, edit the note, ask again.

It needs only Python, and works with each deployment. `TERCET_TOKEN` is the bearer token of a user
without a note `tercet-smoke-test`. Without --send, the token needs the scope `notes:write`.
"""

import argparse
import base64
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

_NOTE_ID = "tercet-smoke-test"
_QUESTION = "What is the code word of the Tercet smoke test?"


class _FailedError(Exception):
    """A step has another result than it must have."""


class _Deployment:
    """Sends requests and note changes to a deployment."""

    def __init__(self, url: str, token: str, send: str | None) -> None:
        self._url, self._token, self._send = url.rstrip("/"), token, send
        self._user = _read_subject(token)

    def request(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the URL is the caller's
            f"{self._url}/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - see above
                return json.load(response)
        except urllib.error.HTTPError as error:
            detail = error.read(2_000).decode(errors="replace")
            raise _FailedError(f"{path}: status {error.code}: {detail}") from None
        except OSError as error:
            raise _FailedError(f"{path}: {error}") from error
        except (ValueError, RecursionError, HTTPException):
            raise _FailedError(
                f"{path}: no response in JSON; is this the URL before /v1?"
            ) from None

    def wait_for_health(self, seconds: float) -> Any:
        """Return the health; a deployment that starts refuses connections for some seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.request("/health")
            except _FailedError as error:
                if not isinstance(error.__cause__, OSError) or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def change(self, operation: str, word: str = "") -> None:
        message = {
            "user_id": self._user,
            "note_id": _NOTE_ID,
            "operation": operation,
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        if word:
            message["title"] = "Smoke test"
            message["text"] = f"The code word of the Tercet smoke test is {word}."
        if self._send is None:
            self.request("/notes/changes", message)
            return
        done = subprocess.run(  # noqa: S602 - the command of the user, with its pipes
            self._send, shell=True, input=json.dumps(message), text=True, check=False
        )
        if done.returncode:
            raise _FailedError(f"--send ended with status {done.returncode}")

    def ask(self) -> Any:
        return self.request("/assistant/query", {"query": _QUESTION})

    def ask_until_sources_have(self, word: str, seconds: float) -> Any:
        """Ask until a queued note change is applied."""
        deadline = time.monotonic() + seconds
        while True:
            reply = self.ask()
            if any(word in source["content"] for source in reply["sources"]):
                return reply
            if time.monotonic() > deadline:
                raise _FailedError(f"the note change was not applied within {seconds:g} seconds")
            time.sleep(1)


def _read_subject(token: str) -> str:
    """Return the user of a token; the deployment verifies it."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if token.isascii() and token.isprintable() and isinstance(claims["sub"], str):
            return str(claims["sub"])
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise _FailedError("TERCET_TOKEN must be a JSON Web Token with the claim sub")


def run(deployment: _Deployment, seconds: float) -> None:
    """Run the steps; `seconds` is the time that a queued note change may take.

    Raises:
        _FailedError: a step failed.
    """
    health = deployment.wait_for_health(seconds)
    _report(f"health: {health.get('status', 'ok')}")
    words = [f"w{secrets.token_hex(4)}" for _ in range(2)]
    for step, word in zip(("created", "updated"), words, strict=True):
        deployment.change(step, word)
        reply = deployment.ask_until_sources_have(word, seconds)
        _require(reply, cached=False)
        _report(f"note {step}, question answered from it: {reply['answer']}")
        _require(deployment.ask(), cached=True)
        _report("question answered from the cache")
    deployment.change("deleted")
    _report("note deleted; the smoke test succeeded")


def _require(reply: Any, *, cached: bool) -> None:
    if reply["metadata"]["cached"] is not cached:
        raise _FailedError(f"metadata.cached is {not cached}: {json.dumps(reply['metadata'])}")


def _report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the smoke test; the exit status is 1 if a step fails, and 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="the URL before /v1")
    parser.add_argument("--send", metavar="COMMAND", help="sends a note change, which is its stdin")
    parser.add_argument(
        "--seconds", type=float, default=60, help="to wait for the start and for a queued change"
    )
    arguments = parser.parse_args()
    if not arguments.url.startswith(("https://", "http://")):
        parser.error("the URL must begin with https:// or http://")
    try:
        token = os.environ.get("TERCET_TOKEN", "").strip()
        run(_Deployment(arguments.url, token, arguments.send), arguments.seconds)
    except _FailedError as error:
        sys.exit(f"smoke test failed: {error}")
    except (AttributeError, KeyError, TypeError) as error:
        sys.exit(f"smoke test failed: unexpected response ({error!r}); is this the URL before /v1?")
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
