"""The real notes and questions beside the checkout, where they are there."""

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_data(relative: str) -> Path:
    """A file or folder of the real data; skips the test where it is absent."""
    path = DATA / relative
    if not path.exists():
        pytest.skip(f"the real data are not beside this checkout (../shared/data/{relative})")
    return path


def devotionals() -> list[dict[str, Any]]:
    """732 note-sized readings: `note_id`, `title`, `text`."""
    lines = real_data("notes/devotionals.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def catechism_questions() -> list[str]:
    """Questions of five catechisms, each once, in order."""
    lines = real_data("questions/catechism_qa.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["question"] for line in lines))
