"""Store keys and content hashes: the same rows give the same hash, in whatever order and on whatever machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

_MODULUS = 1 << 256
_quoted = json.encoder.encode_basestring


def target_key(source: str, own_id: str | int) -> str:
    """The store key of a target or group: ``source:id``."""
    return f"{source}:{own_id}"


def attribute_key(source: str, name: str, value: str) -> str:
    """The store key of an attribute: ``source@name=value``, with ``%`` and ``=`` in the name escaped."""
    return f"{source}@{name.replace('%', '%25').replace('=', '%3D')}={value}"


def node_hash(key: str, kind: str, name: str, text: str, features: Mapping[str, float]) -> str:
    """SHA-256 (hex) of the content of one node itself; state, buyers and run are not part of it."""
    row = [kind, key, name, text, sorted((k, float(v)) for k, v in features.items())]
    return _sha256(json.dumps(row, ensure_ascii=False))


def edge_hash(relation: str, tail: str, head: str, weight: float) -> str:
    """SHA-256 (hex) of one edge, its ends given by their store keys."""
    # as json would write it, but a graph has many edges, and this takes less than half the time
    return _sha256(f"[{_quoted(relation)}, {_quoted(tail)}, {_quoted(head)}, {float(weight)!r}]")


def graph_hash(row_hashes: Iterable[str]) -> str:
    """The sum of row hashes modulo 2^256 (hex, 64 digits): order does not matter and a small change updates it."""
    return f"{sum(int(row, 16) for row in row_hashes) % _MODULUS:064x}"


def updated_hash(old: str, gone: Iterable[str], come: Iterable[str]) -> str:
    """A graph hash after some rows were removed and others added."""
    total = int(old, 16) - int(graph_hash(gone), 16) + int(graph_hash(come), 16)
    return f"{total % _MODULUS:064x}"


def _sha256(row: str) -> str:
    # json quotes every text, so no two different rows can be written alike
    return hashlib.sha256(row.encode("utf-8", "surrogatepass")).hexdigest()
