"""A whole model at its path at every moment: killed saves, two savers, readers, full disks, modes, other accounts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.models import data_of, without_generations

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import ModelError, ModelFormatError
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.serving import codec
from newaisle.gnn.serving.folder import read_config
from newaisle.gnn.serving.generations import save_generation

ROOT = Path(__file__).parents[3]


def made(*buyers: str) -> Recommender:
    """A model that differs by who bought tea."""
    names = ["Tea", "Coffee", "Bread", "Cake"]
    catalog = pd.DataFrame({"id": [name.lower() for name in names], "name": names, "shelf": ["a", "a", "b", "b"]})
    sales = pd.DataFrame({"user": [*buyers, "u", "v"], "target": ["tea"] * len(buyers) + ["coffee", "bread"]})
    settings = ModelSettings(FactorSettings(rank=2), KernelSettings({"shelf": 1.0}))
    return Recommender(encoder=None, settings=settings).fit(
        CatalogGraph.from_tables(catalog), Interactions.from_table(sales)
    )


@pytest.fixture(scope="module")
def one() -> Recommender:
    return made("u")


@pytest.fixture(scope="module")
def other() -> Recommender:
    return made("u", "v", "w")


@pytest.fixture
def path(one: Recommender, tmp_path: Path) -> Path:
    one.save(tmp_path / "model")
    return tmp_path / "model"


def users(path: Path) -> list[object]:
    return list(Recommender.load(path).fitted.users)


def is_clean(path: Path) -> bool:
    """Whether a model's folder holds what belongs to the model and nothing else, and nothing is beside it."""
    names = sorted(each.name for each in path.iterdir())
    return names == [".lock", "config.json", data_of(path).name] and list(path.parent.iterdir()) == [path]


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, which it may end as it likes."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


KILLED = """
import os, signal, sys
from pathlib import Path
from newaisle import Recommender
from newaisle.gnn.serving import codec
model, path, when = Recommender.load(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)
replace, write = Path.replace, codec.write_table
if when == "in the middle of the files":
    codec.write_table = lambda table, file: end() if "users" in file.name else write(table, file)
if when == "before the switch":
    Path.replace = end
if when == "after the switch":
    Path.replace = lambda self, to: (replace(self, to), end())
model.save(path)
"""


@pytest.mark.parametrize("when", ["in the middle of the files", "before the switch", "after the switch"])
def test_a_killed_save_leaves_a_whole_model_and_the_next_one_removes_its_files(when, one, other, path, tmp_path):
    other.save(tmp_path / "elsewhere" / "model")
    assert run(KILLED, tmp_path / "elsewhere" / "model", path, when).returncode == -9
    assert users(path) == list((other if when == "after the switch" else one).fitted.users)
    assert len(list(path.iterdir())) > 3
    other.save(path)
    assert users(path) == ["u", "v", "w"]
    assert sorted(each.name for each in path.iterdir()) == [".lock", "config.json", data_of(path).name]


@pytest.mark.parametrize("when", ["in the middle of the files", "before the switch"])
def test_what_a_killed_first_save_leaves_is_no_foreign_folder(when, one, path, tmp_path):
    fresh = tmp_path / "fresh" / "model"
    assert run(KILLED, path, fresh, when).returncode == -9
    with pytest.raises(ModelFormatError, match=r"has no config\.json"):
        Recommender.load(fresh)
    one.save(fresh)
    assert users(fresh) == ["u", "v"]
    assert is_clean(fresh)


@pytest.mark.slow
def test_random_kills_two_savers_and_readers(tmp_path):
    script = ROOT / "benchmarks" / "saves.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "12", "--loads", "25", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["lost_models"] == found["failed_loads_during_kills"] == found["leftovers"] == 0
    assert found["failed_saves"] == found["failed_loads"] == found["leftovers_of_two"] == 0
    assert found["loads_during_kills"] > 0
    assert found["saves"] > 0


def test_two_saves_at_once_both_succeed_and_the_later_switch_counts(one, other, path):
    def write(folder: Path) -> dict[str, object]:
        other.save(path)  # begins later and is done earlier
        assert users(path) == ["u", "v", "w"]
        assert folder.is_dir()
        return codec._write(one.fitted, folder, "float64")

    save_generation(path, write)
    assert users(path) == ["u", "v"]
    assert is_clean(path)


def test_of_two_first_saves_the_one_that_fails_leaves_the_other_alone(one, tmp_path):
    def write(_folder: Path) -> dict[str, object]:
        one.save(tmp_path / "model")
        raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        save_generation(tmp_path / "model", write)
    assert users(tmp_path / "model") == ["u", "v"]
    assert is_clean(tmp_path / "model")


@pytest.mark.parametrize("before", ["a generation", "format 6"])
def test_a_reader_that_meets_a_save_starts_again(before, other, path, monkeypatch):
    if before == "format 6":
        without_generations(path)
    configs = [read_config(path)]
    other.save(path)
    monkeypatch.setattr(codec, "read_config", lambda given: configs.pop() if configs else read_config(given))
    assert users(path) == ["u", "v", "w"]
    assert not configs


def test_a_new_model_is_for_its_owner_alone_and_what_the_owner_allows_stays_allowed(one, other, tmp_path):
    path = tmp_path / "model"
    one.save(path)
    everything = [path, *path.rglob("*")]
    assert {each.stat().st_mode & 0o777 for each in everything if each.is_dir()} == {0o700}
    assert {each.stat().st_mode & 0o777 for each in everything if each.is_file()} == {0o600}
    for folder, file in ((0o755, 0o644), (0o750, 0o640), (0o700, 0o600)):
        for each in [path, *path.rglob("*")]:
            each.chmod(folder if each.is_dir() else file)
        other.save(path)
        assert {each.stat().st_mode & 0o777 for each in (path, data_of(path))} == {folder}
        files = [path / "config.json", *data_of(path).iterdir()]
        assert {each.stat().st_mode & 0o777 for each in files} == {file}


def test_the_modes_of_a_model_of_format_6_are_kept(other, path):
    without_generations(path)
    for each in path.iterdir():
        each.chmod(0o640)
    path.chmod(0o750)
    other.save(path)
    assert {each.stat().st_mode & 0o777 for each in (path, data_of(path))} == {0o750}
    assert {each.stat().st_mode & 0o777 for each in data_of(path).iterdir()} == {0o640}


OF_ANOTHER = """
import os, sys
from newaisle import Recommender
from newaisle.errors import NewaisleError
Recommender.load(sys.argv[1])  # imports what the other account may not read
os.setuid(65534)
try:
    model = Recommender.load(sys.argv[1])
    print("loaded")
    model.save(sys.argv[1])
except NewaisleError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_another_account_reads_what_it_may_and_is_refused_in_one_sentence(other, path, tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (line,) = run(OF_ANOTHER, path).stdout.splitlines()
    assert line == (
        f"ModelFormatError The model {path} cannot be read (Permission denied); "
        "let this account read its folders and files."
    )
    path.chmod(0o755)
    assert "cannot be read (Permission denied)" in run(OF_ANOTHER, path).stdout
    for each in [path, *path.rglob("*")]:
        each.chmod(0o755 if each.is_dir() else 0o644)
    for _ in range(2):
        loaded, refused = run(OF_ANOTHER, path).stdout.splitlines()
        assert loaded == "loaded"
        assert refused == f"ModelError The model cannot be saved to {path} (Permission denied); choose another folder."
        other.save(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_model_stays_its_owners_when_root_saves_it(other, path):
    for each in [path, *path.rglob("*")]:
        os.chown(each, 65534, 65534)
    other.save(path)
    owners = {(each.stat().st_uid, each.stat().st_gid) for each in [path, data_of(path), *data_of(path).iterdir()]}
    assert owners == {(65534, 65534)}


FULL = """
import resource, sys
from newaisle import Recommender
from newaisle.errors import NewaisleError
model = Recommender.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    model.save(sys.argv[2])
except NewaisleError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("limit", [0, 300, 2_000])
def test_a_disk_that_is_full_is_one_sentence_and_leaves_the_old_model(limit, other, path, tmp_path):
    """No file may be larger than the limit; a write beyond it fails as on a full disk."""
    other.save(tmp_path / "elsewhere" / "model")
    before = sorted(path.rglob("*"))
    for target in (path, tmp_path / "new" / "model"):
        (line,) = run(FULL, tmp_path / "elsewhere" / "model", target, limit).stdout.splitlines()
        assert line.startswith(f"ModelError The model cannot be saved to {target} (")
        assert line.endswith("); choose another folder.")
        assert "File too large" in line
    assert sorted(path.rglob("*")) == before
    assert users(path) == ["u", "v"]
    assert not (tmp_path / "new").exists()


def test_a_linked_folder_with_the_name_of_a_generation_is_not_followed(one, path, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "users.parquet").write_bytes(b"mine")
    link = path / "generation-0123456789abcdef"
    link.symlink_to(tmp_path / "mine")
    one.save(path)
    assert (tmp_path / "mine" / "users.parquet").read_bytes() == b"mine"
    assert link.is_symlink()


def test_a_folder_that_may_not_be_written_is_one_sentence(one, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match=r"cannot be saved to .* \(.+\); choose another folder"):
        one.save(tmp_path / "file" / "model")
