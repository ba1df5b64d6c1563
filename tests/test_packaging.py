"""What is built and shipped: every module, the licence, no tests."""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ROOMS = ("api", "gnn", "graph", "loaders")
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
SHARED_MODULES = sorted((ROOT / "src" / "newaisle").glob("*.py"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in (*ROOMS, "src"):  # a copy, so that building leaves nothing in the checkout
        shutil.copytree(ROOT / name, checkout / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def _shipped() -> set[str]:
    """Every file of the package under its name in a wheel."""
    found = {"newaisle/py.typed"} | {f"newaisle/{p.relative_to(ROOT)}" for p in MODULES}
    found |= {f"newaisle/{p.name}" for p in SHARED_MODULES}
    return found | {f"newaisle/{p.relative_to(ROOT)}" for room in ROOMS for p in (ROOT / room).rglob("*.cypher")}


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        licence = next(name for name in names if name.endswith("licenses/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert {name for name in names if ".dist-info/" not in name} == _shipped()


def test_the_sdist_holds_every_module(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {str(path.relative_to(ROOT)) for path in MODULES} <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "src/newaisle/__init__.py", "src/newaisle/py.typed"} <= names


def test_the_unpacked_wheel_works_elsewhere(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "site", "zip")
    (tmp_path / "categories.csv").write_text("id,name\n1,One\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import newaisle\n"
        "print(newaisle.__file__)\n"
        "print(newaisle.load('tables:.').graph.names)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "site" / "newaisle" / "__init__.py"), "('One',)"]


def test_every_folder_with_modules_is_listed_as_a_package() -> None:
    # a folder below a room is dropped from the wheel silently unless pyproject.toml names it
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in MODULES}
    assert {f"newaisle.{folder}" for folder in folders} <= set(PACKAGES)


def test_every_file_names_the_same_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'__version__ = "{version}"\n' in (ROOT / "src" / "newaisle" / "__init__.py").read_text()
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
