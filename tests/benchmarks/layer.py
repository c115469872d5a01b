"""The size of the shared layer, zipped and unpacked."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.report import Metric
from tests.support.sam import sam_build

METRICS = {
    "layer_mb": Metric(unit="MB zipped, x86_64", budget=70),
    "layer_unpacked_mb": Metric(unit="MB, x86_64", budget=200),
    "layer_arm64_mb": Metric(unit="MB zipped, arm64", budget=70),
    "layer_arm64_unpacked_mb": Metric(unit="MB, arm64", budget=200),
}


def collect_metrics() -> Mapping[str, Metric]:
    """Build and zip the layer for both architectures."""
    layers = (sam_build(architecture) / "SharedLayer" for architecture in ("x86_64", "arm64"))
    sizes = [size for layer in layers for size in (zipped_mb(layer), unpacked_mb(layer))]
    return {
        name: metric.with_value(size)
        for (name, metric), size in zip(METRICS.items(), sizes, strict=True)
    }


def zipped_mb(folder: Path) -> float:
    """Return the size of a folder's zip file in MB (10^6 bytes)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.rglob("*"):
            file.write(path, path.relative_to(folder))
    return archive.tell() / 1e6


def unpacked_mb(folder: Path) -> float:
    """Return the size of a folder's files in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
