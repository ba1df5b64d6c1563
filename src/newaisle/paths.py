"""Where newaisle keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home_folder() -> Path:
    """``NEWAISLE_HOME``, or the user's data directory."""
    home = os.environ.get("NEWAISLE_HOME")
    return Path(home).expanduser() if home else platformdirs.user_data_path("newaisle")
