"""A model state as files and back: safetensors for arrays, Parquet for tables, config.json for all the rest.

A folder may come from anybody: what is read is checked before it is used, whatever its hashes are.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ...display import short
from ...errors import InputError, ModelError, ModelFormatError, NewaisleError
from ...graph import CatalogGraph
from ...graph.catalog.arrow import graph_from_files, graph_tables
from ..factors.als import Factors
from ..model.model import LatentFactorModel
from ..online.events import LOG_COLUMNS
from ..prior.kernel import Prior
from ..prior.nearest import make_regressor
from ..propagation.features import FeatureBlocks
from ..text.clusters import Clusters
from ..text.weights import OWN_ENCODERS
from .blocks import Array, ArrayFile, StoredBlocks, block_arrays, read_schema, schema_arrays, schema_config
from .folder import FORMAT, ModelFiles, open_files, read_config, unreadable
from .generations import save_generation
from .saved_config import SavedClusters, SavedConfig
from .state import ModelState
from .tables import FLAG, ID, INTEGER, NUMBER, TEXT, read_table, write_table
from .user_tables import read_users, user_tables

_COLUMNS: Mapping[str, Mapping[str, str] | None] = {
    "targets": {"id": ID, "name": TEXT, "text": TEXT, "is_product": FLAG, "is_group": FLAG},
    "features": None,
    "attributes": {"name": TEXT, "value": TEXT},
    "edges": {"relation": TEXT, "tail": INTEGER, "head": INTEGER, "weight": NUMBER},
    "users": {"id": ID},
    "history": {"user": INTEGER, "target": INTEGER, "quantity": NUMBER, "weight": NUMBER},
    "newcomers": {"id": ID},
    "observed": {name: NUMBER if name == "weight" else INTEGER for name in LOG_COLUMNS},
}
_UNEXPECTED = (
    *(ArithmeticError, LookupError, MemoryError, RecursionError, RuntimeError, TypeError, ValueError),
    *(SafetensorError, pa.ArrowException),
)
"""What libraries raise for files that nobody's program wrote."""
_LIBRARIES = ("pandas", "polars", "pyarrow")
Precision = Literal["float64", "float16"]


def save_state(state: ModelState, path: Path, precision: Precision = "float64") -> None:
    """Save into a folder, in which a whole model is at every moment (:mod:`newaisle.gnn.serving.generations`).

    Precision "float16" takes a fourth of the space of factors, vectors, priors and features, and 3 digits.

    Raises:
        ModelFormatError: the folder holds something other than a model.
        ModelError: the folder cannot be written, or a number is too large for half precision.
    """
    if not isinstance(precision, str) or precision not in ("float64", "float16"):
        raise InputError(f"The precision is {short(precision)}; give 'float64' or 'float16'.")
    path = path.resolve()
    try:
        save_generation(path, lambda folder: _write(state, folder, precision))
    except (OSError, SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        reason = reason.rpartition("] ")[2]  # Arrow says more in front
        raise ModelError(f"The model cannot be saved to {path} ({reason}); choose another folder.") from error


def load_state(path: Path) -> ModelState:
    """Read a folder that :func:`save_state` wrote, every file checked against its hash and for what it contains.

    Raises:
        ModelFormatError: the folder is missing, foreign, corrupted or of another version, or may not be read.
    """
    config = read_config(path)
    while True:
        try:
            return _read(path, config)
        except ModelFormatError:
            newer = read_config(path)
            if newer["hash"] == config["hash"]:
                raise
            config = newer  # saved meanwhile: what is missing was replaced


def _read(path: Path, config: Mapping[str, Any]) -> ModelState:
    try:
        return _assemble(open_files(path, config), SavedConfig.of(config))
    except OSError as error:
        raise unreadable(path, error) from error
    except _UNEXPECTED as error:
        reason = str(error).rstrip(".") if isinstance(error, NewaisleError) else repr(error)
        raise ModelFormatError(f"The model {path} cannot be read ({reason}); save it again.") from error


def _write(state: ModelState, folder: Path, precision: Precision) -> dict[str, Any]:
    """Write the data files, and return the config without those."""
    model = state.model
    for name, table in (graph_tables(state.graph) | user_tables(state)).items():
        write_table(table, folder / f"{name}.parquet")
    arrays, features = _model_arrays(model), block_arrays(model.regressor.blocks)
    if precision == "float16":
        arrays, features = _halved(arrays), _halved(features)
    clusters = state.clusters
    centres = {} if clusters is None else {"clusters.centres": np.ascontiguousarray(clusters.centres)}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "space.safetensors")
    save_file({**features, **schema_arrays(state.schema), **centres}, folder / "blocks.safetensors")
    return {
        "format": FORMAT,
        "newaisle": version("newaisle"),
        "source": state.graph.source,
        "graph_hash": state.graph.content_hash,
        "encoder": state.encoder,
        "seed": state.seed,
        "library": state.backend or "pyarrow",
        "longest": model.longest,
        "longest_at_fit": state.event_log.longest,
        "window": state.window,
        "event_kinds": asdict(state.kinds),
        "verb": asdict(state.verb),
        "calibration": asdict(model.calibration),
        "spread": asdict(model.spread),
        "new_customers": model.new_customers and asdict(model.new_customers),
        "unknown": model.unknown and asdict(model.unknown),
        "settings": asdict(model.settings),
        "blocks": {name: list(block.shape) for name, block in model.regressor.blocks.matrices.items()},
        "kinds": {name: str(kind) for name, kind in model.regressor.blocks.kinds.items()},
        "frozen": schema_config(state.schema),
        "clusters": clusters and {"names": list(clusters.names), "min_similarity": clusters.min_similarity},
    }


def _assemble(files: ModelFiles, config: SavedConfig) -> ModelState:
    tables = {name: read_table(*files.tables[name], columns) for name, columns in _COLUMNS.items()}
    graph = graph_from_files(config.source, tables)
    if graph.content_hash != config.graph_hash:
        raise ModelFormatError(f"The graph in the model {files.path} is not the one it was fitted to; save it again.")
    features, clusters = ArrayFile(files.arrays["blocks"]), config.clusters
    users = read_users(tables, graph, config.longest_at_fit)
    return ModelState(
        graph=graph,
        users=users.users,
        bought=users.bought,
        signed=users.signed,
        kinds=config.event_kinds,
        verb=config.verb.verb(),
        model=_read_model(ArrayFile(files.arrays["space"]), features, config, len(users.users), graph),
        schema=read_schema(config.frozen, features, graph, config.blocks),
        encoder=config.encoder,
        encoder_confirmed=config.encoder is None or config.encoder in OWN_ENCODERS,
        seed=config.seed,
        clusters=None if clusters is None else _read_clusters(features, clusters),
        backend=_backend(config.library),
        window=config.window,
        newcomers=users.newcomers,
        event_log=users.event_log,
    )


def _read_clusters(features: ArrayFile, clusters: SavedClusters) -> Clusters:
    centres = features.numbers("clusters.centres", len(clusters.names), None)
    return Clusters(centres, clusters.names, clusters.min_similarity)


def _model_arrays(model: LatentFactorModel) -> dict[str, Array]:
    return {
        "user_factors": model.factors.users,
        "target_factors": model.factors.targets,
        "basis": model.factors.basis,
        "prior_mean": model.prior.mean,
        "prior_variance": model.prior.variance,
        "level": model.popularity,
        "seen_level": model.regressor.factors[:, -1],
        "vectors": model.vectors,
        "share": model.prior_share,
        "error": model.popularity_error,
        "seen": model.regressor.seen,
    }


def _read_model(
    arrays: ArrayFile, features: ArrayFile, config: SavedConfig, users: int, graph: CatalogGraph
) -> LatentFactorModel:
    settings, targets = config.settings, len(graph)
    rank = settings.factors.rank + settings.factors.second
    factors = Factors(
        arrays.numbers("user_factors", users, rank),
        arrays.numbers("target_factors", targets, rank),
        arrays.numbers("basis", targets, rank),
        settings.factors,
    )
    seen = arrays.integers("seen", None, least=0, end=targets)
    if not len(seen) or (np.diff(seen) <= 0).any():
        raise arrays.error("seen", "does not ascend")
    if not factors.users.any():
        raise arrays.error("user_factors", "is zero everywhere")
    blocks = FeatureBlocks(StoredBlocks(features, config.blocks, graph), config.kinds)
    carried = np.column_stack([factors.targets[seen], arrays.numbers("seen_level", len(seen))])
    return LatentFactorModel(
        settings=settings,
        factors=factors,
        regressor=make_regressor(blocks, settings.kernel, seen, carried),
        prior=Prior(arrays.numbers("prior_mean", targets, rank), arrays.numbers("prior_variance", targets)),
        popularity=arrays.numbers("level", targets),
        vectors=arrays.numbers("vectors", targets, rank),
        prior_share=arrays.numbers("share", targets),
        longest=config.longest,
        calibration=config.calibration,
        popularity_error=arrays.numbers("error", targets),
        spread=config.spread,
        new_customers=config.new_customers,
        unknown=config.unknown,
    )


def _backend(library: str) -> str | None:
    """The table library of the history; Arrow (None) where it is not installed."""
    return library if library in _LIBRARIES and importlib.util.find_spec(library) is not None else None


def _halved(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Floating-point arrays in half precision, others unchanged."""
    with np.errstate(over="ignore"):  # an error below
        halved = {
            name: a.astype(np.float16) if np.issubdtype(a.dtype, np.floating) else a for name, a in arrays.items()
        }
    for name, array in halved.items():
        if array.dtype == np.float16 and not np.isfinite(array).all():
            raise ModelError(f"The model's {name} has numbers too large for float16; save it with precision='float64'.")
    return halved
