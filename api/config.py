"""Everything that a model depends on besides its data, as one typed value, also read from and written as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..gnn.model.settings import ModelSettings
from ..gnn.model.typed import SETTINGS_LIMITS, from_table
from ..gnn.text.clusters import check_relations
from ..gnn.text.weights import PACKAGED
from ..graph.event_weights import EventWeights
from ..toml_file import Place, read_toml


@dataclass(frozen=True)
class Config:
    """The arguments of a :class:`newaisle.Recommender`; the same data give the same model, bit for bit.

    In TOML ``encoder = false`` stands for None, and other keys with None are left out.
    """

    seed: int = 0
    encoder: str | None = PACKAGED
    settings: ModelSettings | None = None
    kinds: Mapping[str, float] = field(default_factory=dict)
    relations: str | None = None
    min_similarity: float | None = None

    def to_toml(self) -> str:
        """The text of a TOML file that :func:`read_config` reads as the same value."""
        table = asdict(self) | {"encoder": False if self.encoder is None else self.encoder, "kinds": self.kinds or None}
        return "".join(_written(table, ""))


def read_kinds(text: str) -> dict[str, float]:
    """Weights of kinds of events from a text such as ``view=0.1,basket=0.5``; InputError for any other."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        kind, equals, number = part.rpartition("=")
        try:
            found[kind.strip()] = float(number if equals and kind.strip() else "none")
        except ValueError:
            raise InputError(f"{part!r} is no weight of a kind; give them as view=0.1,basket=0.5.") from None
    return dict(EventWeights(found).given)


def read_config(given: str | Path | Mapping[str, Any] | Config) -> Config:
    """Read a TOML file, or a mapping with the names of :class:`Config` and its dataclasses; missing names are defaults.

    Raises:
        InputError: the file cannot be read, or a key or value is invalid; the message names file, line and key.
    """
    if isinstance(given, Config):
        return given
    if isinstance(given, Mapping):
        return _checked(Place("The configuration"), given)
    return _checked(*read_toml(Path(given)))


def _checked(place: Place, given: Mapping[str, Any]) -> Config:
    plain = {**given, "encoder": None} if given.get("encoder") is False else given
    config = from_table(Config, plain, place, SETTINGS_LIMITS)
    for key, pair in (("relations", (config.relations, None)), ("min_similarity", (None, config.min_similarity))):
        try:
            check_relations(*pair)
        except InputError as error:
            raise place.error((key,), str(error)) from None
    calibration = config.settings and config.settings.calibration
    if calibration and len(calibration.slopes) != len(calibration.knots) + 1:
        keys = ("settings", "calibration", "slopes")
        many = len(calibration.knots) + 1
        raise place.error(keys, f"{'.'.join(keys)} has {len(calibration.slopes)} numbers; give one per piece, {many}.")
    return config


def _written(table: Mapping[str, Any], name: str) -> list[str]:
    """The lines of a table: its own values first, then the tables in it; None is left out."""
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_literal(table[key])}\n" for key in table if key not in tables and table[key] is not None]
    for key, value in tables.items():
        inner = f"{name}.{_key(key)}" if name else _key(key)
        lines += [f"\n[{inner}]\n", *_written(value, inner)]
    return lines


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "a").isalnum() else json.dumps(key)


def _literal(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value) if isinstance(value, float) else json.dumps(value)
