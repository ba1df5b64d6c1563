"""What config.json contains of a model, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ...errors import InputError
from ...graph.event_weights import EventWeights
from ...graph.reading.verb import Verb
from ...toml_file import Place
from ..calibration.forecast import ConformalInterval
from ..calibration.new_customers import NewCustomers
from ..calibration.probability import PurchaseCalibration
from ..model.settings import ModelSettings
from ..model.typed import SETTINGS_LIMITS, Limits, from_table
from ..propagation.features import FeatureKind
from ..propagation.schema import StandardScaler
from .folder import CONFIG

_LIMITS = Limits(
    at_least={
        **SETTINGS_LIMITS.at_least,
        "calibration.slopes": 0,
        "unknown.slopes": 0,
        "new_customers.slope": 0,
        "window": 0,
        "longest_at_fit": 0,
        "frozen.size": 1,
    },
    above_zero=SETTINGS_LIMITS.above_zero | {"longest", "event_kinds.strongest"},
)
_MOST_LETTERS = 1_000
_MOST_STEPS = 10_000
"""Steps of fitting factors: a new fit to a model with more would never end."""


@dataclass(frozen=True)
class SavedSchema:
    """A :class:`~newaisle.gnn.propagation.schema.FeatureSchema` without its arrays."""

    size: int
    texts: bool
    values: tuple[str, ...]
    relations: Mapping[str, str]
    features: Mapping[str, str]
    scales: Mapping[str, tuple[StandardScaler, ...]]


@dataclass(frozen=True)
class SavedClusters:
    """:class:`~newaisle.gnn.text.clusters.Clusters` without the centres."""

    names: tuple[str, ...]
    min_similarity: float


@dataclass(frozen=True)
class SavedVerb:
    """A :class:`~newaisle.graph.reading.verb.Verb`, both forms given."""

    base: str
    past: str

    def verb(self) -> Verb:
        """The verb; InputError where a form is not made of words."""
        return Verb(self.base, self.past)


@dataclass(frozen=True)
class SavedConfig:
    """Everything in config.json; keys are contracts, a new one has a default for older models."""

    format: int
    newaisle: str
    source: str
    graph_hash: str
    encoder: str | None
    seed: int
    library: str
    longest: float
    longest_at_fit: float
    window: int
    event_kinds: EventWeights
    calibration: PurchaseCalibration
    spread: ConformalInterval
    settings: ModelSettings
    blocks: Mapping[str, tuple[int, ...]]  # name -> rows and columns
    kinds: Mapping[str, FeatureKind]
    frozen: SavedSchema
    clusters: SavedClusters | None
    files: Mapping[str, str]
    hash: str
    generation: str | None = None
    new_customers: NewCustomers | None = None
    unknown: PurchaseCalibration | None = None
    verb: SavedVerb = field(default_factory=lambda: SavedVerb("buy", ""))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> SavedConfig:
        """Check a parsed config.json; an InputError says what is wrong."""
        config = from_table(cls, given, Place(CONFIG), _LIMITS)
        config.verb.verb()
        for calibration in (config.calibration, config.settings.calibration, config.unknown):
            if calibration is not None:
                _check_calibration(calibration)
        for spread in (config.spread, config.settings.spread):
            if spread is not None and not (len(spread.levels) == len(spread.low) == len(spread.high) > 0):
                raise InputError("spread has lists of different lengths, or empty ones.")
        if (
            config.blocks.keys() != config.kinds.keys()
            or not config.settings.kernel.weights.keys() <= config.blocks.keys()
        ):
            raise InputError("blocks, kinds and settings.kernel.weights name different blocks.")
        if any(len(shape) != 2 or min(shape) < 1 for shape in config.blocks.values()):
            raise InputError("blocks has a shape that is no number of rows and columns.")
        steps = max(config.settings.factors.iterations, config.settings.factors.rounds)
        if steps > _MOST_STEPS:
            raise InputError(f"settings.factors has {steps:,} steps, more than {_MOST_STEPS:,}.")
        if len(config.encoder or "") > _MOST_LETTERS:
            raise InputError("encoder is too long for the name of an encoder.")
        _check_schema(config.frozen, config.blocks)
        return config


def _check_calibration(calibration: PurchaseCalibration) -> None:
    knots = calibration.knots
    if not knots or len(calibration.slopes) != len(knots) + 1 or any(a >= b for a, b in pairwise(knots)):
        raise InputError("calibration has no ascending knots with one slope more.")


def _check_schema(schema: SavedSchema, blocks: Mapping[str, tuple[int, ...]]) -> None:
    """Check that everything has the scales that targets added later need."""
    if set(schema.relations) != set(schema.values):
        raise InputError("frozen.relations and frozen.values name different attributes.")
    widths = dict.fromkeys(schema.features.values(), 1)
    for block in schema.relations.values():
        widths |= {f"{block} count": 1, f"{block} mix": 2}
    if schema.texts:
        widths |= {"namesakes": 1, "likeness": 1} if "likeness" in schema.scales else {"namesakes": 1}
    for name, width in widths.items():
        if len(schema.scales.get(name, ())) != width or (name in blocks and blocks[name][1] != width):
            raise InputError(f"frozen.scales has not one scale per column of {name!r}.")
    if any(scale.deviation <= 0 for scales in schema.scales.values() for scale in scales):
        raise InputError("frozen.scales has a deviation that is not above 0.")
