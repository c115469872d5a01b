"""Sizes of folders."""

from pathlib import Path


def megabytes(*folders: Path) -> float:
    """The size on disk as `du` counts it: a file with several links counts once."""
    files = {
        (status.st_dev, status.st_ino): status.st_blocks * 512
        for folder in folders
        for path in folder.rglob("*")
        for status in [path.lstat()]
    }
    return sum(files.values()) / 1e6
