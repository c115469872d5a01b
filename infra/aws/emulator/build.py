"""What is deployed, built for this machine."""

import platform
from pathlib import Path

from infra.aws.emulator.runtime import FOLDER, ROOT, SAM, run_uv

_ARCHITECTURES = {"aarch64": "arm64"}


def build() -> Path:
    """Run `sam build`, which needs no Docker here: what is compiled comes as wheels.

    Raises:
        ConfigurationError: it failed; says why.
    """
    build_folder = FOLDER / "built"
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    run_uv(
        *("tool", "run", "--from", SAM, "sam", "build"),
        *("--template", str(ROOT / "template.yaml"), "--build-dir", str(build_folder)),
        *("--parameter-overrides", f"Architecture={architecture}"),
    )
    return build_folder
