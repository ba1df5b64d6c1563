"""Commands as a container runs them: without a home folder, with closed or full streams, stopped by signals."""

import os
import resource
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings

pytestmark = pytest.mark.slow

MAIN = "import sys; from newaisle.api.cli.main import main; main(sys.argv[1:])"
HOMELESS = f"""
import pwd
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown  # as of an account that the system does not know
{MAIN}
"""
BARE = {name: os.environ[name] for name in ("PYTHONPATH", "PATH") if name in os.environ}
"""The environment of a container: without HOME."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of tables, and a model fitted to it."""
    folder = tmp_path_factory.mktemp("shop")
    ids = [f"good {i:02d}" for i in range(30)]
    catalog = pd.DataFrame({"id": ids, "name": ids, "colour": [f"colour {i % 5}" for i in range(30)]})
    sales = pd.DataFrame(
        [(f"user {user:02d}", ids[(user * k) % 25]) for user in range(40) for k in (1, 3, 7)],
        columns=["user", "target"],
    ).drop_duplicates()
    (folder / "tables").mkdir()
    catalog.to_csv(folder / "tables" / "categories.csv", index=False)
    sales.to_csv(folder / "tables" / "interactions.csv", index=False)
    settings = ModelSettings(FactorSettings(rank=2), KernelSettings({"colour": 1.0}))
    model = Recommender(encoder=None, settings=settings)
    model.fit(CatalogGraph.from_tables(catalog), Interactions.from_table(sales)).save(folder / "model")
    return folder


def run(*arguments, then=None, program=MAIN, env=BARE, **options):
    """Run the program, with ``then`` as what follows it in a shell: the finished process."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    if then is not None:
        command = ["bash", "-c", f'"$@" {then}', "bash", *command]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300, **options)


def sentence(done):
    """The only line on standard error."""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("form", ["--csv", "--json", None])
@pytest.mark.parametrize(
    ("shell", "reason"), [("> /dev/full", "No space left on device"), (">&-", "it is closed")], ids=["full", "closed"]
)
def test_output_that_cannot_be_written_is_one_sentence(shop, form, shell, reason):
    done = run("recommend", shop / "model", "--user", "user 01", *([form] if form else []), then=shell)
    assert done.returncode == 1
    assert sentence(done) == f"Standard output cannot be written ({reason}); redirect it to somewhere else."


@pytest.mark.parametrize("shell", ["2>&-", "2> /dev/full", "<&- 2>&-"])
def test_without_standard_error_the_answer_and_the_exit_code_stay(shop, shell):
    done = run("recommend", shop / "model", "--user", "user 01", "--csv", then=shell)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 6)
    assert run("recommend", shop / "model", "--user", "nobody", then=shell).returncode == 1


def test_a_reader_that_ends_early_ends_the_command_without_a_word(shop):
    done = run("audience", shop / "model", "good 29", "--csv", then="| head -1; exit ${PIPESTATUS[0]}")
    assert done.stdout.splitlines() == ["user,target,name,score,probability,expected_buyers"]
    assert done.stderr == ""
    assert done.returncode in (0, 1)  # 0 where all was written before
    done = run("audience", shop / "model", "good 29", "--csv", then="| true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (1, "")


def test_an_account_without_a_home_folder_gets_answers_and_no_store(shop):
    done = run("recommend", shop / "model", "--user", "user 01", "--csv", program=HOMELESS)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("cypher", "MATCH (n) RETURN n", program=HOMELESS)
    assert done.returncode == 1
    assert sentence(done) == (
        "This account has no home folder; set NEWAISLE_HOME to a folder for caches, downloads and the embedded store."
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_fit_that_is_stopped_leaves_nothing(shop, tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "fit", f"tables:{shop / 'tables'}", "--out", str(tmp_path / "model")],
        env={**os.environ, "NEWAISLE_HOME": str(tmp_path / "home")},
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if line.startswith("Fitting"):
            break
    time.sleep(0.2)
    process.send_signal(number)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert rest.splitlines()[-1] == {signal.SIGTERM: "Terminated.", signal.SIGINT: "Interrupted."}[number]
    assert "Traceback" not in rest
    assert not [path for path in tmp_path.iterdir() if path.name != "home"]


def test_a_file_that_does_not_fit_is_one_sentence_and_not_half_written(shop, tmp_path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    done = run("audience", shop / "model", "good 29", "--out", tmp_path / "all.csv", preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("all.csv cannot be written (File too large); choose another.")
    assert not list(tmp_path.iterdir())
