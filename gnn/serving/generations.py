"""Saving a model so that a whole one is at its path at every moment: a new generation of files, then one atomic switch.

``MODEL/config.json`` names the generation that is current. A save writes a new one beside it, waits until everything is
on the disk, replaces config.json, and removes the generation before: it may hold users that were forgotten since. A
reader keeps the files that it has opened, and starts again where one was removed before that. While a generation is
written, the draft of its config is locked (``flock``, which the system releases whenever a process ends), so that
another save can tell it from what a killed one left behind.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelFormatError
from .disk import held, is_at, resemble, sync
from .folder import (
    CONFIG,
    DATA_FILES,
    FIRST_WITH_GENERATIONS,
    GENERATION,
    config_text,
    data_folder,
    hashes,
    is_config,
    is_model,
    parsed,
    read_config,
    sha256_of,
)

LOCK = ".lock"
"""Locked while a generation begins, and while config.json is replaced and old generations are removed."""
_DRAFT = re.compile(r"\.config-([0-9a-f]{16})\.json")
_UNFINISHED = re.compile(r"\.tmp\w{6}")
"""Name under which safetensors writes a file before it renames it."""
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


def save_generation(path: Path, write: Callable[[Path], Mapping[str, Any]]) -> None:
    """Save a model; on any error, and when the process is killed, the old one stays.

    What nobody but newaisle wrote is removed, other files stay. A new model is for its owner's eyes alone; modes and
    owners of an old one are kept.

    Args:
        path: folder of the model; a new or empty one, or one with a model.
        write: writes the data files into a folder and returns the rest of the config.

    Raises:
        ModelFormatError: the folder holds something other than a model.
        OSError: something cannot be written.
    """
    refuse_foreign(path)
    created = [folder for folder in (path, *path.parents) if not folder.exists()]
    generation = _Generation(path, secrets.token_hex(8))
    try:
        with _locked(path):
            lock = generation.begin()
        with held(lock):
            config = {**write(generation.folder), "generation": generation.folder.name}
            config["files"] = hashes(generation.folder.iterdir())
            generation.finish(lock, config_text(config))
            with _locked(path):
                obsolete = _files_before_generations(path)
                generation.switch()
                _sweep(path, generation.token, obsolete)
    except BaseException:
        with suppress(OSError), _locked(path):
            generation.remove()
            if [each.name for each in path.iterdir()] == [LOCK]:  # no model ever was here
                (path / LOCK).unlink()
        with suppress(OSError):
            for folder in created:
                folder.rmdir()
        raise


def refuse_foreign(path: Path) -> None:
    """Raise a ModelFormatError where a path holds something other than a model or what is left of a save."""
    if not path.exists() or (path.is_dir() and (is_model(path) or all(map(_is_ours, path.iterdir())))):
        return
    raise ModelFormatError(f"{path} exists and is no newaisle model; choose another folder or remove it.")


@dataclass(frozen=True)
class _Generation:
    """The files of one save, and the draft of their config, locked until it ends."""

    path: Path
    token: str

    @property
    def folder(self) -> Path:
        return self.path / f"generation-{self.token}"

    @property
    def draft(self) -> Path:
        return _draft(self.path, self.token)

    def begin(self) -> int:
        """Make the folder and the draft, which is returned open and locked."""
        lock = os.open(self.draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.folder.mkdir(_PRIVATE_FOLDER)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def finish(self, draft: int, config: str) -> None:
        """Write the draft, give everything the modes of the model before, and wait until it is on the disk."""
        with open(draft, "w", encoding="utf-8", closefd=False) as opened:
            opened.write(config)
        before = _data_before(self.path)
        for file in self.folder.iterdir():
            resemble(file, (before / file.name, self.path / CONFIG), _PRIVATE_FILE)
            sync(file)
        resemble(self.folder, (before,) if before != self.path or is_model(self.path) else (), _PRIVATE_FOLDER)
        resemble(self.draft, (self.path / CONFIG,), _PRIVATE_FILE)
        for written in (self.folder, self.draft, self.path):
            sync(written)

    def switch(self) -> None:
        """Make this generation the current one."""
        self.draft.replace(self.path / CONFIG)
        sync(self.path)
        sync(self.path.parent)

    def remove(self) -> None:
        if _current(self.path) != self.token:
            _remove(self.path, self.token)


def _draft(path: Path, token: str) -> Path:
    return path / f".config-{token}.json"


def _is_ours(file: Path) -> bool:
    return file.name == LOCK or _token(file.name) is not None


def _token(name: str) -> str | None:
    """The token in the name of a generation or of a draft."""
    found = GENERATION.fullmatch(name) or _DRAFT.fullmatch(name)
    return None if found is None else found[1]


def _current(path: Path) -> str | None:
    """The token of the current generation; None without a model that is whole."""
    try:
        return _token(data_folder(path, read_config(path)).name)
    except ModelFormatError:
        return None


def _data_before(path: Path) -> Path:
    token = _current(path)
    return path if token is None else path / f"generation-{token}"


def _files_before_generations(path: Path) -> list[Path]:
    """The data files of a model of a format before 7, those alone that are still what was saved."""
    try:
        config = parsed(path / CONFIG)
    except (OSError, ValueError):
        return []
    if not is_config(config) or config["format"] >= FIRST_WITH_GENERATIONS:
        return []
    listed = [(path / name, digest) for name, digest in config["files"].items() if Path(name).name == name]
    return [file for file, digest in listed if file.is_file() and sha256_of(file) == digest]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Make a model's folder, unless it is there, and hold its lock; whoever removes the folder holds it, too."""
    while True:
        path.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
        try:
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _PRIVATE_FILE)
        except FileNotFoundError:  # the folder was removed meanwhile
            continue
        with held(lock):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if is_at(lock, path / LOCK):
                yield
                return


def _sweep(path: Path, current: str, obsolete: list[Path]) -> None:
    """Remove generations and drafts but the current one and those under way, and further files."""
    for token in {_token(each.name) for each in path.iterdir()} - {current}:
        if token is not None and not _is_under_way(_draft(path, token)):
            _remove(path, token)
    for file in obsolete:
        with suppress(OSError):
            file.unlink()


def _is_under_way(draft: Path) -> bool:
    """Whether a save holds the lock of its draft."""
    try:
        opened = os.open(draft, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # of another account, which sweeps it
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(opened)
    return False


def _remove(path: Path, token: str) -> None:
    """Remove a draft and the files of a generation that newaisle wrote, and its folder unless it has others."""
    folder = path / f"generation-{token}"
    with suppress(OSError):
        if not folder.is_symlink():
            for file in folder.iterdir():
                if file.name in DATA_FILES or _UNFINISHED.fullmatch(file.name):
                    file.unlink()
            folder.rmdir()
    with suppress(OSError):
        _draft(path, token).unlink()
