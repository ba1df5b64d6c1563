"""The folder of a saved model as a reader sees it: config.json, and the data files that it lists with their hashes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from ...display import command_line
from ...errors import ModelFormatError

FORMAT = 7
"""Raised whenever older programs can no longer read a folder."""
OLDEST = 6
"""The oldest format that is still read."""
FIRST_WITH_GENERATIONS = 7
"""Before this format the data files are beside config.json."""
CONFIG = "config.json"
TABLES = ("targets", "features", "attributes", "edges", "users", "history", "newcomers", "observed")
ARRAYS = ("space", "blocks")
DATA_FILES = frozenset({*(f"{table}.parquet" for table in TABLES), *(f"{array}.safetensors" for array in ARRAYS)})
GENERATION = re.compile(r"generation-([0-9a-f]{16})")
"""Name of a subfolder with the data files of one save."""
MOST_CONFIG = 2**23
"""Bytes of the largest config.json, far above what a catalog with thousands of attributes needs."""


def is_model(path: Path) -> bool:
    """Whether newaisle wrote the config of a folder, in whatever format: other programs name a file config.json too."""
    try:
        return is_config(parsed(path / CONFIG))
    except (FileNotFoundError, IsADirectoryError, ValueError):
        return False


def read_config(path: Path) -> dict[str, Any]:
    """The config of a saved model, checked for format and for its own hash, its values unchecked.

    Raises:
        ModelFormatError: there is no model, it may not be read, or its config is broken or of another format.
    """
    file = path / CONFIG
    try:
        if not path.is_dir():
            command = command_line("newaisle", "fit", "SOURCE", "--out", path)
            raise ModelFormatError(f"There is no model folder {path}; fit one with `{command}`.")
        if not file.is_file():
            raise ModelFormatError(f"{path} is no newaisle model: it has no {CONFIG}.")
        config = parsed(file)
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError as error:
        raise ModelFormatError(f"{file} is broken ({error}); save the model again.") from None
    if not is_config(config):
        raise ModelFormatError(f"{file} was not written by newaisle; give another folder.")
    if not OLDEST <= config["format"] <= FORMAT:
        raise ModelFormatError(
            f"The model {path} has the format {config['format']} (newaisle {config.get('newaisle')}), this is format "
            f"{FORMAT}; fit it again or use that version."
        )
    if config.get("hash") != own_hash(config):
        raise ModelFormatError(f"The file {file} was changed after it was saved; save the model again.")
    if config["files"].keys() != DATA_FILES or _names_generation(config) is (config["format"] < FIRST_WITH_GENERATIONS):
        raise ModelFormatError(f"{file} lists other files than a model has; save the model again.")
    return dict(config)


def data_folder(path: Path, config: Mapping[str, Any]) -> Path:
    """Where the data files of a model are: a generation, or of an older format the model's folder itself."""
    return path / str(config.get("generation", ""))


@dataclass(frozen=True)
class ModelFiles:
    """The data files of a model at ``path``, checked against their hashes: those of tables with their content."""

    path: Path
    tables: Mapping[str, tuple[bytes, Path]]
    arrays: Mapping[str, Path]


def open_files(path: Path, config: Mapping[str, Any]) -> ModelFiles:
    """The files of a model with this config; a ModelFormatError where one is missing or was changed."""
    folder = data_folder(path, config)
    tables = {name: folder / f"{name}.parquet" for name in TABLES}
    arrays = {name: folder / f"{name}.safetensors" for name in ARRAYS}
    contents: dict[str, tuple[bytes, Path]] = {}
    with ExitStack() as stack:
        opened: dict[str, BufferedReader] = {}
        for name, file in (tables | arrays).items():  # all first: what is removed later stays readable
            if not file.is_file():
                raise ModelFormatError(f"The model {path} lacks its file {file.name}; save it again.")
            opened[name] = stack.enter_context(file.open("rb"))
        for name, file in (tables | arrays).items():
            if name in tables:
                contents[name] = opened[name].read(), file
                found = hashlib.sha256(contents[name][0]).hexdigest()
            else:
                found = hashlib.file_digest(opened[name], "sha256").hexdigest()
            if found != config["files"][file.name]:
                raise ModelFormatError(f"The file {file} was changed after it was saved; save the model again.")
    return ModelFiles(path, contents, arrays)


def unreadable(path: Path, error: OSError) -> ModelFormatError:
    """The error for a model whose files exist and cannot be opened."""
    remedy = "let this account read its folders and files" if isinstance(error, PermissionError) else "save it again"
    return ModelFormatError(f"The model {path} cannot be read ({error.strerror or error}); {remedy}.")


def config_text(config: Mapping[str, Any]) -> str:
    """The text of a config.json, with the config's own hash added."""
    return json.dumps({**config, "hash": own_hash(config)}, indent=2, ensure_ascii=False) + "\n"


def own_hash(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of everything in the config but this hash."""
    rest = {key: value for key, value in config.items() if key != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """Name -> SHA-256 (hex) of some files, in the order of their names."""
    return {file.name: sha256_of(file) for file in sorted(files)}


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parsed(file: Path) -> Any:
    """A JSON file of limited size and depth without NaN and infinities; a ValueError for any other."""
    with file.open("rb") as opened:
        content = opened.read(MOST_CONFIG + 1)
    if len(content) > MOST_CONFIG:
        raise ValueError(f"it has more than {MOST_CONFIG:,} bytes")
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def _refuse(number: str) -> None:
    raise ValueError(f"{number} is no number of JSON")


def is_config(config: Any) -> bool:
    """Whether a value has the shape of the config of a model, of whatever format."""
    if not isinstance(config, dict) or not isinstance(config.get("files"), dict):
        return False
    texts = [config.get("newaisle"), *config["files"].values()]
    return type(config.get("format")) is int and all(isinstance(text, str) for text in texts)


def _names_generation(config: Mapping[str, Any]) -> bool:
    name = config.get("generation")
    return isinstance(name, str) and GENERATION.fullmatch(name) is not None
