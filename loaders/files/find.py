"""Which file of a folder holds which table."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from ...errors import SourceError, name_some

_TEXT = (".csv", ".tsv", ".txt")
_SUFFIXES = (
    *_TEXT,
    *(f"{suffix}{packed}" for suffix in _TEXT for packed in (".gz", ".zip")),
    *(".parquet", ".xlsx", ".xlsm", ".xls", ".zip"),
    "",  # a folder of parts
)
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def find_table(folder: Path, name: str, file: str | None = None) -> Path | None:
    """The file or folder of parts that holds a table: ``file`` or, without it, one of the standard names.

    Raises:
        SourceError: there are several, or no ``file``.
    """
    if file is not None:
        path = folder / Path(file).expanduser()
        if not path.exists():
            raise SourceError(f"{path} does not exist, the file of the {name} table; correct its name in the schema.")
        return path
    found = sorted(
        path
        for path in folder.iterdir()
        if path.name.lower() in {f"{name}{suffix}" for suffix in _SUFFIXES}
        and (path.suffix != "" or path.is_dir())
        and (path.is_file() or path.is_dir())
    )
    if len(found) > 1:
        listed = " and ".join(path.name for path in found)
        raise SourceError(f"{folder} has both {listed}; keep one of them, or name one as file in a schema.")
    return found[0] if found else None


def parts_of(path: Path) -> list[tuple[Path, dict[str, str | None]]]:
    """The files of a table in order, each with the columns that folders such as ``year=2024`` above it give.

    Raises:
        SourceError: there is no such file, or none in the folder.
    """
    if not path.is_dir():
        if not path.is_file():
            raise SourceError(f"{path}: there is no such file; correct the path.")
        return [(path, {})]
    found = []
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(("_", ".")) for part in inside):
            found.append((file, dict(_partition(part) for part in inside[:-1] if "=" in part)))
    if not found:
        raise SourceError(f"{path}: is a folder without any file; give one with the parts of a table.")
    keys = {tuple(columns) for _, columns in found}
    if len(keys) > 1:
        listed = name_some([str(file.relative_to(path)) for file, _ in found], 3)
        raise SourceError(
            f"{path}: its files lie in folders of other names ({listed}); keep the parts of one table there."
        )
    return found


def _partition(folder: str) -> tuple[str, str | None]:
    name, _, value = folder.partition("=")
    return unquote(name), None if value == _NO_VALUE else unquote(value)
