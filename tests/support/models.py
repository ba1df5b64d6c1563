"""Saved models: where their files are, and how somebody who knows the format would forge one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def data_of(model: Path) -> Path:
    """The folder of the current data files."""
    return model / json.loads((model / "config.json").read_text(encoding="utf-8")).get("generation", "")


def sealed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config whose own hash is right, whoever wrote it."""
    rest = {key: value for key, value in config.items() if key != "hash"}
    return {**rest, "hash": hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}


def seal(model: Path, **changes: Any) -> None:
    """Change keys of a config, and make all its hashes right again."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8")) | changes
    config["files"] = {name: digest(data_of(model) / name) for name in config["files"]}
    (model / "config.json").write_text(json.dumps(sealed(config)), encoding="utf-8")


def without_generations(model: Path) -> None:
    """Make a model of format 6, with the data files beside config.json."""
    data = data_of(model)
    for file in data.iterdir():
        file.rename(model / file.name)
    data.rmdir()
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in config.items() if key != "generation"} | {"format": 6}
    (model / "config.json").write_text(json.dumps(sealed(config)), encoding="utf-8")


def digest(file: Path) -> str:
    """SHA-256 (hex) of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
