"""Rules of the package tree, checked on the source: layers, library homes, no import cycles."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("architecture")  # one process parses the source

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("functions", "shared", "infra")
MAX_LINES = 300

LIBRARY_HOMES = {
    "redis": "shared/cache/redis",
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
LAYERS = [
    ("shared", ("functions", "infra", "tests")),
    ("functions", ("infra", "tests")),
    ("infra", ("tests",)),
    ("shared.matching", ("shared.cache", "shared.inference", "shared.settings", "shared.aws")),
    ("shared.text", ("shared.cache", "shared.inference", "shared.notes", "shared.matching")),
    ("shared.cache", ("shared.inference", "shared.matching", "shared.assistant")),
    ("shared.notes", ("shared.cache", "shared.matching")),
    ("shared.inference", ("shared.matching", "shared.assistant")),
]
# Use cases and values: no library but numpy (and its threads), no module that does I/O.
PURE_MODULES = [
    "shared.assistant",
    "shared.freshness",
    "shared.question",
    "shared.answer",
    "shared.errors",
    "shared.notes.note",
]
PURE_PACKAGES = ["shared.matching", "shared.text"]
IO_MODULES = ("socket", "ssl", "http.client", "urllib.request", "sqlite3", "subprocess")

ADAPTERS = {
    "RedisClient",
    "RedisClusterClient",
    "InferenceClient",
    "HuggingFaceChat",
    "HuggingFaceEmbedder",
    "PostgresNoteStore",
    "SQLiteNoteStore",
    "CacheSession",
}
CONSTRUCTORS = {
    "shared/adapters.py",
    "shared/container.py",
    "shared/cache/redis/factory.py",
    "shared/notes/factory.py",
}
# Project modules that `shared` imports inside functions, outside the modules of CONSTRUCTORS.
LAZY_IMPORTS = {
    # numpy is slow to load: an exact hit and `tercet notes list` do without it.
    ("shared/cache/session.py", "shared.vectors"),
    ("shared/inference/quotations/extractive.py", "shared.vectors"),
    ("shared/notes/sql_store.py", "shared.vectors"),
    ("shared/notes/sqlite.py", "shared.vectors"),
    ("shared/semantic_match.py", "shared.matching.pair_model.model"),  # only for candidates
}


@cache
def modules() -> Mapping[str, Path]:
    """Return every module of the product by its full name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    assert len(found) > 100
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node: ast.AST, path: Path) -> Iterator[str]:
    """Return the full names that one import statement imports: modules where they are ours."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path} has a relative import"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full in modules() else node.module or ""


@cache
def imports(module: str) -> frozenset[str]:
    """Return all imports of a module: at its top, under TYPE_CHECKING and in functions."""
    path = modules()[module]
    return frozenset(name for node in ast.walk(tree(path)) for name in imported(node, path))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def io_imports(module: str) -> set[str]:
    """Return the imports of a module that may do I/O: other libraries, and `IO_MODULES`."""
    harmless = {"numpy", "threadpoolctl", "shared"} | sys.stdlib_module_names
    return {
        name
        for name in imports(module)
        if name.partition(".")[0] not in harmless or any(within(name, each) for each in IO_MODULES)
    }


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(("library", "home"), LIBRARY_HOMES.items())
def test_library_is_imported_in_its_home_only(library: str, home: str) -> None:
    importers = [
        relative(path)
        for name, path in modules().items()
        if not within(name, "infra") and any(within(each, library) for each in imports(name))
    ]
    assert importers, f"nothing imports {library}, so this rule checks nothing"
    assert [path for path in importers if path != home and not path.startswith(f"{home}/")] == []


@pytest.mark.parametrize(("package", "forbidden"), LAYERS)
def test_dependencies_point_downwards(package: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        (name, each)
        for name in modules()
        if within(name, package)
        for each in imports(name)
        if any(within(each, other) for other in forbidden)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PURE_PACKAGES)
def test_pure_package_does_no_io(package: str) -> None:
    names = [name for name in modules() if within(name, package)]
    assert names
    for name in names:
        assert io_imports(name) == set()
        assert "asyncio" not in imports(name)


@pytest.mark.parametrize("module", PURE_MODULES)
def test_use_cases_and_values_import_no_io_library(module: str) -> None:
    assert io_imports(module) == set()


def test_no_import_cycle_between_files() -> None:
    graph = {name: imports(name) & modules().keys() for name in modules()}
    assert "shared.assistant" in graph["shared.container"], "the graph is incomplete"
    assert cycles(graph) == []


def test_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}, "e": {"a"}}
    assert cycles(graph) == [["b", "c"], ["d"]]


def cycles(graph: Mapping[str, set[str] | frozenset[str]]) -> list[list[str]]:
    """Return the strongly connected components that hold a cycle."""
    reachable = {name: _reachable(name, graph) for name in graph}
    found = {
        tuple(sorted({name} | {other for other in reachable[name] if name in reachable[other]}))
        for name in graph
        if name in reachable[name]
    }
    return [list(cycle) for cycle in sorted(found)]


def _reachable(start: str, graph: Mapping[str, set[str] | frozenset[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(graph[start])
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(graph[name])
    return found


def test_only_the_composition_root_constructs_adapters() -> None:
    constructed = {
        (relative(path), node.func.id)
        for name, path in modules().items()
        if within(name, "shared") and relative(path) not in CONSTRUCTORS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in ADAPTERS
    }
    assert constructed == set()


def test_lazy_imports_of_the_shared_layer_are_in_the_composition_root() -> None:
    lazy = {
        (relative(path), name)
        for module, path in modules().items()
        if within(module, "shared") and relative(path) not in CONSTRUCTORS
        for function in ast.walk(tree(path))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
        for name in imported(node, path)
        if within(name, "shared")
    }
    assert lazy == LAZY_IMPORTS


def test_no_file_is_longer_than_300_lines() -> None:
    long = {
        relative(path): lines
        for path in modules().values()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}
