"""`python -m infra.aws.emulator`: run what would be deployed, on Lambda's own runtime."""

import sys

from infra.aws.emulator.build import build
from infra.aws.emulator.dependencies import surroundings
from infra.aws.emulator.report import introduce, play
from infra.aws.emulator.runtime import ROOT, Runtime
from infra.local.commands.command_context import console
from shared.errors import TercetError


def main() -> int:
    """Build, run, send, show; 1 where a response was not what it must be."""
    out = console()
    try:
        with out.status("Building what is deployed"):
            artefact = build()
            runtime = Runtime.prepare()
        introduce(artefact.relative_to(ROOT), runtime, out)
        with surroundings() as environ:
            as_expected = play(artefact, runtime, environ, out)
    except TercetError as error:
        out.print(str(error))
        return 1
    return 0 if as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
