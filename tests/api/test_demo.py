"""The demo as the README runs it, on fewer households: what it prints and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newaisle.api.recommender import Recommender

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[object, str, str]]


@pytest.mark.usefixtures("fresh_home", "hasty_search")
def test_the_demo_runs_from_purchases_to_a_saved_recommender(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, told, steps = run("demo", "--households", "100", "--out", str(out))
    assert code == 0, steps
    for method in ("newaisle", "linmap", "kernel-ridge", "popularity", "text-cosine", "ceiling"):
        assert method in told
    assert told.count("buys most:") == 3
    assert "read back equal" in steps
    for step in ("Loading", "Opening", "Writing", "Encoding", "Fitting", "Evaluating", "Saving", "Plotting"):
        assert step in steps
    assert (out / "new-category.png").read_bytes().startswith(b"\x89PNG")
    left = {file.suffix for file in (out / "model").rglob("*") if file.is_file()}
    assert {".safetensors", ".parquet", ".json"} <= left
    assert not left & {".pkl", ".pickle", ".pt", ".npy"}

    user = told.split("Household ")[1].split(" ")[0]
    model = Recommender.load(out / "model")
    answer = model.recommend(model.fitted.users.parse(user), 5)
    for target in answer["target"].to_pylist():
        assert str(target) in told.replace("\n", "")
