"""The documentation names files and commands that exist."""

import re
from pathlib import Path

import pytest

from infra.local.commands.ask import ask
from tests.benchmarks.__main__ import PARTS as BENCHMARKS
from tests.evaluation.__main__ import PARTS as EVALUATIONS
from tests.support.host_replies import SECTIONS
from tests.support.host_replies.page import PAGE, replace_tables

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "infra").glob("*/README.md")),
]
CODE = [
    path
    for folder in ("functions", "infra", "shared", "tests")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".lua", ".js", ".yaml", ".toml"}
]

_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
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


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = _HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_of_a_page_exist(page: Path) -> None:
    for link, anchor in _LINK.findall(page.read_text("utf-8")):
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), (link, anchor)


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


def test_quick_start_uses_the_default_user_so_that_each_step_finds_the_notes() -> None:
    (user,) = (each for each in ask.params if each.name == "user")
    start = (ROOT / "README.md").read_text("utf-8").partition("## Beside")[0]
    assert "--user" not in start
    assert set(re.findall(r"X-Tercet-User: (\w+)", start)) == {user.default}


def test_page_of_model_hosts_has_the_current_tables() -> None:
    """`python -m tests.support.host_replies` writes them."""
    page = PAGE.read_text("utf-8")
    assert page == replace_tables(page, SECTIONS)
