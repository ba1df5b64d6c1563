"""Bytes of text files as UTF-8, whatever they were written in."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from ...errors import SourceError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order mark -> encoding; of two that fit the first."""

_BLOCK = 1 << 24


def to_utf8(data: bytes, path: Path, encoding: str | None = None) -> tuple[bytes, str]:
    """Text of a file as UTF-8 without byte order mark, and its encoding: the given one, that of its mark, or UTF-8.

    Raises:
        SourceError: the text is of another encoding, or none; the message names line and byte.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    name = encoding or marked or "utf-8"
    try:
        kind = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise SourceError(f"{path}: there is no encoding {name!r}; give one such as utf-8, cp1252 or utf-16.") from None
    wide = kind.startswith(("utf-16", "utf-32"))
    if not wide and (at := data.find(b"\0")) >= 0:
        _refuse_nul(data, at, path)
    if kind in ("utf-8", "utf-8-sig", "ascii"):
        data = data.removeprefix(codecs.BOM_UTF8)
        _check_utf8(data, path)
        kind = "utf-8"
    else:
        try:
            data = data.decode(kind).removeprefix("\ufeff").encode()
        except (UnicodeError, LookupError) as error:
            raise SourceError(f"{path}: is not written in {name} ({error}); give its real encoding.") from None
    if wide and (at := data.find(b"\0")) >= 0:
        _refuse_nul(data, at, path)
    if b"\n" not in data:  # line ends of old Macs
        data = data.replace(b"\r", b"\n")
    return data, kind


def line_of(data: bytes, at: int) -> int:
    """The line of a byte, from 1."""
    return data.count(b"\n", 0, at) + 1


def _check_utf8(data: bytes, path: Path) -> None:
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(block, final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            _refuse_bytes(data, start - pending + error.start, path)


def _refuse_bytes(data: bytes, at: int, path: Path) -> None:
    place = f"line {line_of(data, at)}, byte {at} (0x{data[at]:02X})"
    before, after = (
        re.search(rb"[^\s,;|\"]{0,20}\Z", data[max(0, at - 20) : at]),
        re.match(rb"[^\s,;|\"]{1,20}", data[at:]),
    )
    word = (before[0] if before else b"") + (after[0] if after else data[at : at + 1])
    for guess in ("cp1252", "latin-1"):
        try:
            shown = word.decode("utf-8", "strict") if word.isascii() else word.decode(guess)
        except UnicodeDecodeError:
            continue
        if not shown.isprintable():
            raise SourceError(
                f"{path}: {place} is not UTF-8, and the file is damaged or of another encoding; save it in UTF-8, or "
                "give its encoding."
            )
        raise SourceError(
            f"{path}: {place} is not UTF-8; in {guess} it belongs to {shown!r}: give encoding = {guess!r} if that is "
            "right, or save the file in UTF-8."
        )
    raise AssertionError("latin-1 fits all bytes")


def _refuse_nul(data: bytes, at: int, path: Path) -> None:
    start = data[:1000]
    even, odd = start[::2], start[1::2]
    for kind, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if others and zeros.count(0) > 0.8 * len(zeros) and others.count(0) < 0.2 * len(others):
            raise SourceError(
                f"{path}: looks like UTF-16 without a byte order mark; give encoding = {kind!r} or save it in UTF-8."
            )
    raise SourceError(
        f"{path}: line {line_of(data, at)} has a NUL byte, so it is damaged or no text; correct the file."
    )
