"""The documentation names files and commands that exist."""

import re
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import PARTS as BENCHMARKS
from tests.evaluation.__main__ import PARTS as EVALUATIONS
from tests.support.host_replies import SECTIONS
from tests.support.host_replies.page import PAGE, replace_tables

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "infra").glob("*/README.md")),
]
CODE = [
    path
    for folder in ("functions", "infra", "shared", "tests")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".lua", ".js", ".yaml", ".toml"}
]

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")
_DOCUMENT = re.compile(r"\bdocs/[\w./-]+\.md\b")
_COMMAND = re.compile(r"python -m tests\.(benchmarks|evaluation)((?: [a-z_]+)*)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_documents_named_in_code_exist() -> None:
    missing = {
        f"{name_of(path)}: {document}"
        for path in CODE
        for document in _DOCUMENT.findall(path.read_text("utf-8"))
        if not (ROOT / document).is_file()
    }
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_of_a_page_exist(page: Path) -> None:
    links = _LINK.findall(page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_benchmarks_and_evaluations_named_by_a_page_exist(page: Path) -> None:
    parts = {"benchmarks": BENCHMARKS, "evaluation": EVALUATIONS}
    commands = _COMMAND.findall(page.read_text("utf-8"))
    assert not [
        (kind, name)
        for kind, names in commands
        for name in names.split()
        if name not in parts[kind]
    ]


def test_page_of_model_hosts_has_the_current_tables() -> None:
    """`python -m tests.support.host_replies` writes them."""
    page = PAGE.read_text("utf-8")
    assert page == replace_tables(page, SECTIONS)
