"""How large the shared layer is, zipped as it is uploaded."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.report import Figure
from tests.support.sam import sam_build

FIGURES = {
    "layer_mb": Figure(unit="MB zipped, x86_64", budget=60),
    "layer_arm64_mb": Figure(unit="MB zipped, arm64", budget=60),
}


def figures() -> Mapping[str, Figure]:
    """Build for both processors, and zip."""
    return {
        name: figure.measured(zipped_mb(sam_build(architecture) / "SharedLayer"))
        for (name, figure), architecture in zip(FIGURES.items(), ("x86_64", "arm64"), strict=True)
    }


def zipped_mb(folder: Path) -> float:
    """Megabytes (10^6) of a folder's zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.rglob("*"):
            file.write(path, path.relative_to(folder))
    return archive.tell() / 1e6
