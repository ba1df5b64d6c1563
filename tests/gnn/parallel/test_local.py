"""Work spread over real processes: the same results, lines from all, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from newaisle.errors import InputError, ModelError
from newaisle.gnn.parallel.local import run_parallel
from newaisle.progress import Progress


def product(seed: int, report: Progress) -> tuple[bytes, set[int], int]:
    """A product that several threads would divide, the threads there are, and the process."""
    report(f"{seed} begins")
    matrix = np.random.default_rng(seed).normal(size=(700, 700))
    found = np.linalg.solve(matrix @ matrix.T + np.eye(700), matrix)
    report(f"{seed} ends")
    return found.tobytes(), {pool["num_threads"] for pool in threadpool_info()}, os.getpid()


def fail_or_sleep(seconds: float, report: Progress) -> None:
    """Sleep; with 0 fail, below 0 be killed."""
    report(str(os.getpid()))
    if seconds == 0:
        raise InputError("This item is bad.")
    if seconds < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(seconds)


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_jobs() -> None:
    lines: list[str] = []
    one = run_parallel(product, [3, 1, 2], 1, lines.append)
    assert lines == ["3 begins", "3 ends", "1 begins", "1 ends", "2 begins", "2 ends"]
    several: list[str] = []
    two = run_parallel(product, [3, 1, 2], 2, several.append)
    assert [found for found, _, _ in one] == [found for found, _, _ in two]
    assert sorted(several) == sorted(lines)
    assert {process for _, _, process in one} == {os.getpid()}
    others = {process for _, _, process in two}
    assert os.getpid() not in others
    assert len(others) <= 2
    assert all(threads == {1} for _, threads, _ in one + two)


def test_threads_are_as_many_as_before_afterwards() -> None:
    before = [pool["num_threads"] for pool in threadpool_info()]
    run_parallel(product, [1], 1, lambda _line: None)
    assert [pool["num_threads"] for pool in threadpool_info()] == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "error", "message"), [(0.0, InputError, "This item is bad"), (-1.0, ModelError, "give fewer jobs")]
)
def test_one_failure_ends_all(first: float, error: type[Exception], message: str) -> None:
    pids: list[str] = []
    started = time.monotonic()
    with pytest.raises(error, match=message):
        run_parallel(fail_or_sleep, [600.0, first, 600.0, 600.0], 2, pids.append)
    assert time.monotonic() - started < 60
    assert pids
    assert not any(running(int(pid)) for pid in pids)


def test_fewer_than_one_job_is_refused() -> None:
    with pytest.raises(InputError, match="jobs is 0"):
        run_parallel(product, [1], 0, lambda _line: None)


SCRIPT = """
from test_local import fail_or_sleep
from newaisle.gnn.parallel.local import run_parallel

if __name__ == "__main__":
    run_parallel(fail_or_sleep, [600.0, 600.0], 2, lambda line: print(line, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_parent_leaves_no_process_behind(how: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(map(running, pids))
        parent.send_signal(how)
        parent.wait(60)
    deadline = time.monotonic() + 30
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, pids))


def running(pid: int) -> bool:
    """Whether a process is there and is no mere zombie."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
