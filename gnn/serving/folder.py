"""The folder of a saved model: written whole, hashed, checked before anything is read."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ModelFormatError

FORMAT = 6
"""Raised whenever older folders can no longer be read."""
CONFIG = "config.json"


def put_in_place(folder: Path, path: Path) -> None:
    """Rename a folder to ``path``; an older model there goes only once the new one is in its place."""
    if not path.exists():
        folder.rename(path)
        return
    old = folder.with_name(f"{folder.name}-old")
    path.rename(old)
    try:
        folder.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old)


def is_model(path: Path) -> bool:
    """Whether newaisle wrote the folder: other programs name a file config.json too."""
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "newaisle" in config


def read_config(path: Path) -> dict[str, Any]:
    """The config of a saved model, checked for format and for its own hash; else ModelFormatError."""
    file = path / CONFIG
    if not path.is_dir():
        raise ModelFormatError(f"There is no model folder {path}; fit one with `newaisle fit SOURCE --out {path}`.")
    if not file.is_file():
        raise ModelFormatError(f"{path} is no newaisle model: it has no {CONFIG}.")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelFormatError(f"{file} is broken ({error}); save the model again.") from None
    if not isinstance(config, dict) or not isinstance(config.get("files"), dict) or "format" not in config:
        raise ModelFormatError(f"{file} was not written by newaisle; give another folder.")
    if config["format"] != FORMAT:
        raise ModelFormatError(
            f"The model {path} has the format {config['format']} (newaisle {config.get('newaisle')}), this is format "
            f"{FORMAT}; fit it again or use that version."
        )
    if config.get("hash") != own_hash(config):
        raise ModelFormatError(f"The file {file} was changed after it was saved; save the model again.")
    return config


def own_hash(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of everything in the config but this hash."""
    rest = {key: value for key, value in config.items() if key != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
