"""Where newaisle keeps its files, and texts read from files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from .errors import SourceError


def home_folder() -> Path:
    """``NEWAISLE_HOME``, or the user's data directory."""
    home = os.environ.get("NEWAISLE_HOME")
    return Path(home).expanduser() if home else platformdirs.user_data_path("newaisle")


def read_utf8(path: Path) -> str:
    """The text of a UTF-8 file without its byte order mark; :class:`SourceError` where it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path}: line {line}, byte {error.start} is not UTF-8; save the file in UTF-8.") from None
