"""The documentation site builds without a warning, and loads nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
LOADED = re.compile(
    r"<(?:script|img|iframe|link(?! rel=\"canonical\"))[^>]*? (?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_front_page_is_the_readme(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [heading for heading in headings if heading not in front] == []
    assert (site / "new-category.png").exists()
    for page in ("contributing.html", "security.html", "changelog.html"):
        assert (site / page).exists()


def test_the_reference_has_the_public_names(site: Path) -> None:
    reference = site / "reference"
    assert 'id="newaisle.Recommender.recommend"' in (reference / "newaisle.html").read_text(encoding="utf-8")
    assert 'id="newaisle.graph.open_store"' in (reference / "graph.html").read_text(encoding="utf-8")
    assert 'id="newaisle.loaders.load_tables"' in (reference / "loaders.html").read_text(encoding="utf-8")
    assert 'id="newaisle.api.write_report"' in (reference / "api.html").read_text(encoding="utf-8")


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 10
    assert {url for page in pages for url in LOADED.findall(page.read_text(encoding="utf-8"))} == set()
