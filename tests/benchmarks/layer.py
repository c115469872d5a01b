"""The size of the zipped shared layer."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.report import Metric
from tests.support.sam import sam_build

METRICS = {
    "layer_mb": Metric(unit="MB zipped, x86_64", budget=60),
    "layer_arm64_mb": Metric(unit="MB zipped, arm64", budget=60),
}


def collect_metrics() -> Mapping[str, Metric]:
    """Build and zip the layer for both architectures."""
    return {
        name: metric.with_value(zipped_mb(sam_build(architecture) / "SharedLayer"))
        for (name, metric), architecture in zip(METRICS.items(), ("x86_64", "arm64"), strict=True)
    }


def zipped_mb(folder: Path) -> float:
    """Return the size of a folder's zip file in MB (10^6 bytes)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.rglob("*"):
            file.write(path, path.relative_to(folder))
    return archive.tell() / 1e6
