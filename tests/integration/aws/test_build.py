"""The output of `sam build` for each architecture."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

import pytest

from tests.benchmarks.layer import METRICS, zipped_mb
from tests.support.sam import ROOT, TEMPLATE_PATHS, lambda_python, sam, sam_build

pytestmark = [pytest.mark.slow, pytest.mark.aws, pytest.mark.xdist_group("sam")]

HANDLERS = {f"{name.title()}Function": name for name in ("ask", "stats", "invalidate", "notes")}
# Imported by the first request or only with some settings.
LATER = (
    *(
        "asyncpg",
        "cryptography",
        "hiredis",
        "httpx",
        "jwt",
        "msgpack",
        "numpy",
        "redis",
        "zstandard",
    ),
)
# Modules whose third-party packages are not in the layer.
NOT_DEPLOYED = {"shared.notes.sqlite"}
# The field e_machine of the ELF header, at byte 18.
MACHINES = {"x86_64": 62, "arm64": 183}
PLATFORMS = {"x86_64": "_x86_64", "arm64": "_aarch64"}
GLIBC = 34  # minor version 2.34 of Amazon Linux 2023
PROGRAM = """
import importlib, json, sys
assert not [path for path in sys.path if path.endswith("-packages")], sys.path
sys.path[:0] = json.loads(sys.argv[1])
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
"""


@pytest.fixture(params=["x86_64", "arm64"])
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def layer(architecture: str) -> Path:
    return sam_build(architecture) / "SharedLayer" / "python"


def distributions(layer: Path) -> Iterator[Path]:
    found = sorted(layer.glob("*.dist-info"))
    assert found
    yield from found


def test_sam_validates_the_main_template() -> None:
    assert "is a valid SAM Template" in sam("validate", "--lint", "--template", TEMPLATE_PATHS[0])


def test_cfn_lint_accepts_the_nested_templates() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    ended = subprocess.run(
        [lint, "--", *TEMPLATE_PATHS[1:]], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_layer_contains_every_import_of_shared(
    tmp_path: Path,
) -> None:
    import_all([sam_build("x86_64") / "SharedLayer" / "python"], [*LATER, *modules()], tmp_path)


@pytest.mark.parametrize("function", HANDLERS)
def test_function_and_layer_contain_every_import_of_the_handler(
    function: str, tmp_path: Path
) -> None:
    path = [sam_build("x86_64") / function, sam_build("x86_64") / "SharedLayer" / "python"]
    import_all(path, [f"functions.{HANDLERS[function]}.handler"], tmp_path)


def import_all(path: list[Path], names: list[str], folder: Path) -> None:
    """Import modules in Lambda's Python with only the standard library and this path."""
    arguments = (json.dumps([str(each) for each in path]), json.dumps(names))
    ended = subprocess.run(
        [lambda_python(), "-B", "-I", "-S", "-c", PROGRAM, *arguments],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def modules() -> list[str]:
    """The names of all modules of `shared`."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "shared").rglob("*.py"))
    named = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    return sorted(named - NOT_DEPLOYED)


def test_every_wheel_fits_lambdas_architecture_python_and_libc(
    layer: Path, architecture: str
) -> None:
    for distribution in distributions(layer):
        wheel = HeaderParser().parsestr((distribution / "WHEEL").read_text("utf-8"))
        assert any(fits(tag, architecture) for tag in wheel.get_all("Tag", [])), distribution.name


def fits(tag: str, architecture: str) -> bool:
    python, abi, platform = tag.split("-")
    if platform == "any":
        return python in {"py3", "py2.py3"} and abi == "none"
    libc = platform.removesuffix(PLATFORMS[architecture]).removeprefix("manylinux_2_")
    old = platform == f"manylinux2014{PLATFORMS[architecture]}"
    return (old or (libc.isdigit() and int(libc) <= GLIBC)) and (
        abi == "cp313" or (abi == "abi3" and int(python.removeprefix("cp3")) <= 13)
    )


def test_every_shared_library_has_the_architecture(layer: Path, architecture: str) -> None:
    libraries = [path for path in layer.rglob("*.so*") if path.is_file()]
    assert len(libraries) > 10
    for library in libraries:
        with library.open("rb") as file:
            header = file.read(20)
        assert header[:4] == b"\x7fELF", library
        assert int.from_bytes(header[18:20], "little") == MACHINES[architecture], library


def test_layer_contains_the_dependencies_but_not_the_packages_of_lambda(layer: Path) -> None:
    names = {path.name.partition("-")[0].lower().replace("_", "-") for path in distributions(layer)}
    expected = {
        "asyncpg",
        "aws-lambda-powertools",
        "fastapi",
        "httpx",
        "mangum",
        "msgpack",
        "numpy",
        "uvicorn",
    }
    assert expected | {"pydantic", "pyjwt", "redis", "zstandard"} <= names
    assert names.isdisjoint({"boto3", "botocore", "pytest", "tercet", "pip"})


def test_layer_contains_no_unneeded_files(layer: Path) -> None:
    for pattern in ("tests", "*.pyi", "*.pyx", "RECORD", "bin"):
        assert not [path for path in layer.rglob(pattern) if "shared" not in path.parts], pattern


def test_layer_contains_every_licence_file(layer: Path) -> None:
    named = 0
    for distribution in distributions(layer):
        metadata = HeaderParser().parsestr((distribution / "METADATA").read_text("utf-8"))
        for licence in metadata.get_all("License-File", []):
            named += 1
            places = (distribution / "licenses" / licence, distribution / licence)
            assert any(place.is_file() for place in places), f"{distribution.name}: {licence}"
    assert named > 10


def test_build_contains_all_files_of_shared_and_functions(layer: Path, architecture: str) -> None:
    assert files(layer / "shared") == files(ROOT / "shared")
    for function in (*HANDLERS, "DashboardFunction"):
        assert files(sam_build(architecture) / function / "functions") == files(ROOT / "functions")
    outbox = sam_build(architecture) / "OutboxFunction" / "infra" / "outbox"
    assert files(outbox) == files(ROOT / "infra" / "outbox")


@pytest.mark.parametrize("has_authorities", [True, False])
def test_layer_contains_the_given_certificate_authorities(
    tmp_path: Path, *, has_authorities: bool
) -> None:
    packaging, layer = tmp_path / "packaging", tmp_path / "layer"
    layer.mkdir()
    if has_authorities:
        (packaging / "authorities").mkdir(parents=True)
        (packaging / "authorities" / "rds.pem").write_text("a certificate")
    makefile = ROOT / "infra" / "aws" / "packaging" / "Makefile"
    assert "\nbuild-SharedLayer: authorities\n" in makefile.read_text("utf-8")
    variables = (f"HERE={packaging}", f"ARTIFACTS_DIR={layer}")
    make = shutil.which("make") or "make"
    subprocess.run([make, "-s", "-f", makefile, "authorities", *variables], check=True)
    assert (layer / "authorities" / "rds.pem").is_file() is has_authorities


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_zipped_layer_is_within_its_budget() -> None:
    """The benchmark measures the other architecture; zipping takes seconds."""
    assert zipped_mb(sam_build("x86_64") / "SharedLayer") < (METRICS["layer_mb"].budget or 0)


def test_unzipped_layer_and_function_are_within_lambdas_quota(
    layer: Path, architecture: str
) -> None:
    folders = (layer, sam_build(architecture) / "AskFunction")
    unzipped = sum(path.stat().st_size for each in folders for path in each.rglob("*"))
    assert unzipped < 250e6
