"""Finished results of an evaluation on disk, so that a stopped run resumes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from ... import graph as graph_package
from ...arrays import AnyFloatArray, IntArray
from ...display import short_repr
from ...graph import CatalogGraph, Interactions
from .contracts import Configured, Method

_log = logging.getLogger(__name__)
_PACKAGE = f"{__name__.partition('.')[0]}."


@dataclass(frozen=True)
class MethodResult:
    """The figures of one method on one split.

    Attributes:
        metrics: name -> finite value, at least one.
        targets: name -> one number per candidate, None where it is undefined; empty if no single targets are predicted.
    """

    metrics: Mapping[str, float]
    targets: Mapping[str, Sequence[float | None]] = field(default_factory=dict)

    __repr__ = short_repr


def column(values: npt.NDArray[Any]) -> list[float | None]:
    """Numbers for JSON: NaN as None."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def data_hash(graph: CatalogGraph, interactions: Interactions) -> str:
    """SHA-256 (hex) of everything an evaluation reads of its data."""
    digest = hashlib.sha256(graph.content_hash.encode())
    # which targets are groups is not part of the content hash, but decides what can be hidden
    parts: list[bytes] = [graph.is_group.tobytes()]
    parts += [json.dumps(ids.values).encode() for ids in (interactions.users, interactions.targets)]
    parts += [interactions.user.tobytes(), interactions.target.tobytes(), interactions.weight.tobytes()]
    parts.append(b"" if interactions.timestamp is None else interactions.timestamp.tobytes())
    parts.append(b"" if interactions.event is None else json.dumps(interactions.event.tolist()).encode())
    if interactions.kinds:
        parts.append(json.dumps(sorted(interactions.kinds.items())).encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def array_hash(array: np.ndarray) -> str:
    """SHA-256 (hex) of an array with its shape and dtype."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def code_hash() -> str:
    """SHA-256 (hex) of newaisle's version and its code outside api/ and loaders/."""
    digest = hashlib.sha256(version("newaisle").encode())
    package = Path(str(graph_package.__file__)).parents[1]
    for files in (package.glob("*.py"), (package / "graph").rglob("*.py"), (package / "gnn").rglob("*.py")):
        for file in sorted(files):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _hash(*parts: str | int | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class ResultCache:
    """Finished results, one file each; ``key`` hashes what all depend on, ``folder`` None caches nothing."""

    folder: Path | None = None
    key: str = ""

    @classmethod
    def open(
        cls,
        folder: Path,
        graph: CatalogGraph,
        interactions: Interactions,
        embeddings: AnyFloatArray | None,
        kinds: Mapping[str, float],
    ) -> ResultCache:
        """Make the folder for results of the current code on these data; without one, results are not kept."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _log.warning("The folder %s cannot be made (%s), so results are not kept.", folder, error.strerror)
            return cls()
        texts = None if embeddings is None else array_hash(embeddings)
        return cls(folder, _hash(code_hash(), data_hash(graph, interactions), texts, json.dumps(sorted(kinds.items()))))

    def result(
        self, about: Mapping[str, str | int], method: Method, held: IntArray, compute: Callable[[], MethodResult]
    ) -> MethodResult:
        """Read the result, or compute and keep it if its file is missing, broken or not ``about`` the same.

        ``about`` has protocol, seed and name in the rows, ``held`` the users of a method with users of its own.
        """
        settings = _settings(method)
        if self.folder is None or settings is None:
            return compute()
        file = self.folder / f"{_hash(self.key, *about.values(), settings, array_hash(held))}.json"
        result = _read(file, about)
        if result is None:
            result = compute()
            _write(file, {**about, **asdict(result)})
        return result


def _settings(method: Method) -> str | None:
    """What a result depends on besides data, seed and newaisle's code; None if unknown."""
    kind = f"{type(method).__module__}.{type(method).__qualname__}"
    if isinstance(method, Configured):
        return None if method.config is None else f"{kind} {method.config}"
    return kind if kind.startswith(_PACKAGE) else None


def _read(file: Path, about: Mapping[str, str | int]) -> MethodResult | None:
    try:
        kept = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or not kept.items() >= about.items():
        return None
    metrics, targets = kept.get("metrics"), kept.get("targets")
    if not isinstance(metrics, dict) or not metrics or not all(map(_is_finite, metrics.values())):
        return None
    return MethodResult(metrics, targets) if _are_columns(targets) else None


def _are_columns(targets: object) -> TypeGuard[Mapping[str, Sequence[float | None]]]:
    if not isinstance(targets, dict) or not all(isinstance(values, list) for values in targets.values()):
        return False
    values = [value for values in targets.values() for value in values]
    alike = len({len(values) for values in targets.values()}) <= 1
    return alike and all(value is None or isinstance(value, int) or _is_finite(value) for value in values)


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _write(file: Path, content: Mapping[str, object]) -> None:
    """Write the whole file or none; where it cannot be written, a log line says so, and the work goes on."""
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        draft.write_text(json.dumps(content), "utf-8")
        draft.replace(file)
    except OSError as error:
        _log.warning("The file %s cannot be written (%s), so this result is not kept.", file, error.strerror)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
