"""Dependencies point one way, and each library has one place; read off the source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OWNED = {
    "redis": "shared/cache",
    "httpx": "shared/inference",
    "asyncpg": "shared/notes",
    "aiosqlite": "shared/notes",
    "sqlite3": "shared/notes",
    "boto3": "shared/aws",
    "botocore": "shared/aws",
    "mangum": "functions",
    "fastapi": "functions",
    "starlette": "functions",
    "jwt": "functions",
    "aws_lambda_powertools": "functions",
    "opentelemetry": "shared/observability/tracing.py",
}
# The heart and the plain values: arithmetic at most.
PURE = ["assistant.py", "freshness.py", "question.py", "answer.py", "errors.py", "notes/note.py"]
HARMLESS = {"numpy", "shared"}
TALKING = {"socket", "ssl", "http.client", "urllib.request", "sqlite3", "subprocess"}


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, with its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"no files in {package}"
    return found


def importers(package: str, of: str) -> list[str]:
    return [
        str(path.relative_to(ROOT))
        for path in files(package)
        if any(name == of or name.startswith(f"{of}.") for name in imports_of(path))
    ]


@pytest.mark.parametrize(("library", "home"), OWNED.items())
def test_a_library_is_imported_at_its_home_alone(library: str, home: str) -> None:
    found = importers("shared", library) + importers("functions", library)
    assert found, f"nothing imports {library}: the rule holds nothing"
    assert [path for path in found if path != home and not path.startswith(f"{home}/")] == []


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("shared", "functions"), ("shared", "infra"), ("functions", "infra")]
    + [(package, "tests") for package in ("shared", "functions", "infra")],
)
def test_dependencies_point_one_way(package: str, forbidden: str) -> None:
    assert importers(package, forbidden) == []


@pytest.mark.parametrize("module", PURE)
def test_the_heart_imports_no_library_that_talks_to_the_world(module: str) -> None:
    imported = set(imports_of(ROOT / "shared" / module))
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names <= HARMLESS
    assert not imported & TALKING
