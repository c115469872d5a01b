"""The language model SmolLM2-135M-Instruct behind llama.cpp's HTTP server.

`python -m infra.local.smollm2 WEIGHTS` runs the server until its standard input closes.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.child_process import stop_process
from infra.local.model_weights import SMOLLM2, weights_folder
from infra.local.optional_packages import package_folder
from shared.errors import UnavailableError

_MODEL = "smollm2-135m-instruct"
_CONTEXT_TOKENS = 4096


@contextmanager
def start_smollm2() -> Iterator[dict[str, str]]:
    """Serve the model on a free loopback port; a model this small gives unreliable answers.

    Yields:
        The environment variables that select this server.

    Raises:
        ConfigurationError: the extra `smollm2` or the weights are not installed.
        UnavailableError: the server did not start.
    """
    package_folder("xllamacpp", extra="smollm2")
    (weights,) = weights_folder(SMOLLM2).glob("*.gguf")
    with subprocess.Popen(  # noqa: S603 - this module
        # -P: do not import a module of the same name from the current folder.
        [sys.executable, "-P", "-m", "infra.local.smollm2", str(weights)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # llama.cpp logs prompts there
        text=True,
        start_new_session=True,  # so that Ctrl-C reaches only the parent
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise UnavailableError("llama.cpp's server did not start")
            yield {
                "HF_CHAT_URL": f"{url}/v1/chat/completions",
                "HF_CHAT_MODEL": _MODEL,
                "HF_TOKEN": "",
                "HF_PROMPT_PRICE": "0",
                "HF_COMPLETION_PRICE": "0",
            }
        finally:
            stop_process(process)


def _serve(weights: Path) -> None:
    import xllamacpp  # noqa: PLC0415 - an extra of 100 MB, imported only in the server process

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {_MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.cors_origins = ""
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.n_parallel = 1
    # Prompt caching changes the batches of a prompt and thus rounding, which can change the answer.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
