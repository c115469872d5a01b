"""Real notes and questions, stored beside the checkout."""

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_data(relative: str) -> Path:
    """Return the path of a data file or folder; skip the test if it is missing."""
    path = DATA / relative
    if not path.exists():
        pytest.skip(f"../shared/data/{relative} does not exist")
    return path


def devotionals() -> list[dict[str, Any]]:
    """Read 732 devotionals of note size: `note_id`, `title`, `text`."""
    lines = real_data("notes/devotionals.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def catechism_questions() -> list[str]:
    """Read the distinct questions of five catechisms, in order."""
    lines = real_data("questions/catechism_qa.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["question"] for line in lines))


def varied_questions() -> list[str]:
    """Read questions of customers, patients and note keepers, and of 20 languages."""
    names = ("support_dev", "medical_dev", "note_questions_dev", "languages_dev")
    rows = [
        line.split("\t")
        for name in names
        for line in real_data(f"pairs/{name}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    return sorted({cell for row in rows for cell in row if " " in cell and len(cell) < 120})
