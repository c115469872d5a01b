"""`python -m infra.aws.emulator`: run what would be deployed, on Lambda's own runtime."""

import sys

from infra.aws.emulator.build import build
from infra.aws.emulator.dependencies import start_dependencies
from infra.aws.emulator.report import print_header, run_scenario
from infra.aws.emulator.runtime import ROOT, Runtime
from infra.local.commands.command_context import console
from shared.errors import TercetError


def main() -> int:
    """Build, run, send, show; 1 where a response was not what it must be."""
    out = console()
    try:
        with out.status("Building what is deployed"):
            build_folder = build()
            runtime = Runtime.prepare()
        print_header(build_folder.relative_to(ROOT), runtime, out)
        with start_dependencies() as environ:
            as_expected = run_scenario(build_folder, runtime, environ, out)
    except TercetError as error:
        out.print(str(error))
        return 1
    return 0 if as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
