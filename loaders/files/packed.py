"""Files inside gzip and zip files, unpacked within bounds."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ...errors import SourceError, name_some
from .memory import check_size, limit

BROKEN = (
    EOFError,
    OSError,  # gzip.BadGzipFile too
    ValueError,
    OverflowError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)
"""What gzip and zipfile raise on damaged files."""


def unpack_gzip(data: bytes, path: Path) -> bytes:
    """The contents of a gzip file; :class:`SourceError` where it is damaged or they are absurdly large."""
    most = limit(len(data))
    try:
        with gzip.open(io.BytesIO(data)) as file:
            contents = file.read(most + 1)
    except BROKEN as error:
        raise SourceError(f"{path}: is a damaged or incomplete gzip file ({error}); copy it again.") from None
    check_size(path, len(contents), len(data))
    return contents


def unpack_zip(data: bytes, path: Path) -> tuple[bytes, str]:
    """The one file in a zip file, and its name; :class:`SourceError` where it is damaged or there are others."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [
                member for member in archive.infolist() if not member.is_dir() and not _is_litter(member.filename)
            ]
            if len(members) != 1:
                listed = f" ({name_some([member.filename for member in members])})" if members else ""
                raise SourceError(f"{path}: contains {len(members)} files{listed}; a zip file must contain one table.")
            if members[0].flag_bits & 1:
                raise SourceError(f"{path}: is protected by a password; unpack it yourself.")
            with archive.open(members[0]) as file:
                contents = file.read(limit(len(data)) + 1)
    except BROKEN as error:
        raise SourceError(f"{path}: is a damaged or incomplete zip file ({error}); copy it again.") from None
    check_size(path, len(contents), len(data))
    return contents, members[0].filename


def is_workbook(data: bytes) -> bool:
    """Whether a zip file is an Excel file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except BROKEN:
        return False


def _is_litter(name: str) -> bool:
    """Files that systems put beside the real ones."""
    parts = PurePosixPath(name).parts
    return not parts or parts[0] == "__MACOSX" or parts[-1].startswith(".")
