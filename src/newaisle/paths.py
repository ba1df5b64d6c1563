"""Where newaisle keeps its files, and texts read from files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from .errors import InputError, SourceError


def home_folder() -> Path:
    """``NEWAISLE_HOME``, or the user's data directory; an :class:`InputError` for an account that has none."""
    home = os.environ.get("NEWAISLE_HOME")
    try:
        folder = Path(home).expanduser() if home else platformdirs.user_data_path("newaisle")
    except RuntimeError:
        folder = Path("~")
    if folder.parts[:1] == ("~",):  # nothing says what it is
        raise InputError(
            "This account has no home folder; set NEWAISLE_HOME to a folder for caches, downloads and the embedded "
            "store."
        )
    return folder


def home_if_any() -> Path | None:
    """:func:`home_folder`, None for an account that has none: what it would only cache is computed anew."""
    try:
        return home_folder()
    except InputError:
        return None


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
