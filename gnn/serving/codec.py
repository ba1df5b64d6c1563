"""A saved recommender is a folder: safetensors for arrays, Parquet for tables, config.json with a hash of each file."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ...errors import InputError, ModelError, ModelFormatError
from ...graph import Ids
from ...graph.catalog.arrow import graph_from_files, graph_tables
from ...graph.event_weights import EventWeights
from ..calibration.forecast import ConformalInterval
from ..calibration.new_customers import NewCustomers
from ..calibration.probability import PurchaseCalibration
from ..factors.als import Factors
from ..factors.settings import FactorSettings
from ..model.model import LatentFactorModel
from ..model.settings import ModelSettings
from ..online.events import LOG_COLUMNS, EventLog
from ..prior.kernel import KernelSettings, Prior
from ..prior.nearest import make_regressor
from ..propagation.features import FeatureBlocks, FeatureKind
from ..text.clusters import Clusters
from .blocks import Array, ArrayFile, StoredBlocks, block_arrays, read_schema, schema_arrays, schema_config
from .folder import CONFIG, FORMAT, is_model, own_hash, put_in_place, read_config, sha256_of
from .state import ModelState

_GRAPH_TABLES = ("targets", "features", "attributes", "edges")
_USER_TABLES = ("users", "history", "newcomers", "observed")
_NUMBERS = ("strength", "seen_strength", "level", "offset", "tau")
_LIBRARIES = ("pandas", "polars", "pyarrow")
Precision = Literal["float64", "float16"]


def save_state(state: ModelState, path: Path, precision: Precision = "float64") -> None:
    """Write a folder beside ``path``, then put it in place: a reader never meets half a model.

    Precision "float16" takes a fourth of the space of factors, vectors, priors and features, and 3 digits.
    """
    if precision not in ("float64", "float16"):
        raise InputError(f"The precision is {precision!r}; give 'float64' or 'float16'.")
    path = path.resolve()
    if path.exists() and not is_model(path) and (not path.is_dir() or any(path.iterdir())):
        raise ModelFormatError(f"{path} exists and is no newaisle model; choose another folder or remove it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            _write(state, folder, precision)
            folder.chmod(0o755)
            put_in_place(folder, path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise ModelError(
            f"The model cannot be saved to {path} ({error.strerror or error}); choose another folder."
        ) from error


def load_state(path: Path) -> ModelState:
    """Read a folder that :func:`save_state` wrote, every file checked against its hash.

    Raises:
        ModelFormatError: the folder is missing, foreign, corrupted or of another version.
    """
    config = read_config(path)
    for name, expected in config["files"].items():
        if not (path / name).is_file():
            raise ModelFormatError(f"The model {path} lacks its file {name}; save it again.")
        if sha256_of(path / name) != expected:
            raise ModelFormatError(f"The file {path / name} was changed after it was saved; save the model again.")
    try:
        return _assemble(path, config)
    except (KeyError, TypeError, ValueError, OSError, SafetensorError) as error:
        raise ModelFormatError(f"The model {path} cannot be read ({error!r}); save it again.") from error


def _write(state: ModelState, folder: Path, precision: Precision) -> None:
    model = state.model
    for name, table in (graph_tables(state.graph) | _user_tables(state)).items():
        pq.write_table(table, folder / f"{name}.parquet")
    arrays, features = _model_arrays(model), block_arrays(model.regressor.blocks)
    if precision == "float16":
        arrays, features = _halved(arrays), _halved(features)
    clusters = state.clusters
    centres = {} if clusters is None else {"clusters.centres": np.ascontiguousarray(clusters.centres)}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "space.safetensors")
    save_file({**features, **schema_arrays(state.schema), **centres}, folder / "blocks.safetensors")
    config = {
        "format": FORMAT,
        "newaisle": version("newaisle"),
        "source": state.graph.source,
        "graph_hash": state.graph.content_hash,
        "encoder": state.encoder,
        "seed": state.seed,
        "library": "pyarrow" if state.backend is None else state.backend.__name__,
        "longest": model.longest,
        "longest_at_fit": state.event_log.longest,
        "window": state.window,
        "event_kinds": asdict(state.kinds),
        "calibration": asdict(model.calibration),
        "spread": asdict(model.spread),
        "new_customers": model.new_customers and asdict(model.new_customers),
        "unknown": model.unknown and asdict(model.unknown),
        "settings": asdict(model.settings),
        "blocks": {name: list(block.shape) for name, block in model.regressor.blocks.matrices.items()},
        "kinds": {name: str(kind) for name, kind in model.regressor.blocks.kinds.items()},
        "frozen": schema_config(state.schema),
        "clusters": clusters and {"names": list(clusters.names), "min_similarity": clusters.min_similarity},
        "files": {file.name: sha256_of(file) for file in sorted(folder.iterdir())},
    }
    config["hash"] = own_hash(config)
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _assemble(path: Path, config: Mapping[str, Any]) -> ModelState:
    # not pq.read_table, which imports pyarrow.dataset and with it pandas
    tables = {name: pq.ParquetFile(path / f"{name}.parquet").read() for name in (*_GRAPH_TABLES, *_USER_TABLES)}
    graph = graph_from_files(config["source"], tables)
    if graph.content_hash != config["graph_hash"]:
        raise ModelFormatError(f"The graph in the model {path} is not the one it was fitted to; save it again.")
    users, newcomers = (Ids(tuple(tables[name]["id"].to_pylist()), "user") for name in ("users", "newcomers"))
    events = {name: tables["observed"][name].to_numpy() for name in LOG_COLUMNS}
    bought, signed = _read_history(tables["history"], (len(users), len(graph)))
    features, clusters = ArrayFile(path / "blocks.safetensors"), config.get("clusters")
    return ModelState(
        graph=graph,
        users=users,
        bought=bought,
        signed=signed,
        kinds=EventWeights(**config["event_kinds"]),
        model=_read_model(ArrayFile(path / "space.safetensors"), features, config),
        schema=read_schema(config["frozen"], features, graph),
        encoder=config["encoder"],
        seed=config["seed"],
        clusters=clusters
        and Clusters(features["clusters.centres"], tuple(clusters["names"]), clusters["min_similarity"]),
        backend=_backend(config["library"]),
        window=config["window"],
        newcomers=newcomers,
        event_log=EventLog(**events, longest=config["longest_at_fit"]),
    )


def _user_tables(state: ModelState) -> dict[str, pa.Table]:
    signed = state.signed
    quantity = np.zeros(signed.nnz)
    quantity[signed.data > 0] = state.bought.data  # the same pairs in the same order
    return {
        "users": pa.table({"id": list(state.users)}),
        "history": pa.table(
            {
                "user": np.repeat(np.arange(signed.shape[0]), np.diff(signed.indptr)),
                "target": signed.indices.astype(np.int64),
                "quantity": quantity,
                "weight": signed.data,
            }
        ),
        "newcomers": pa.table({"id": list(state.newcomers)}),
        "observed": pa.table({name: getattr(state.event_log, name) for name in LOG_COLUMNS}),
    }


def _read_history(history: pa.Table, shape: tuple[int, int]) -> tuple[sp.csr_array, sp.csr_array]:
    """What was bought, and the weights of that and of what was disliked, both CSR."""
    quantity, weight, user, target = (history[name].to_numpy() for name in ("quantity", "weight", "user", "target"))
    bought, signed = (
        sp.csr_array((data[part], (user[part], target[part])), shape=shape)
        for data, part in ((quantity, weight > 0), (weight, weight != 0))
    )
    return bought, signed


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


def _read_model(arrays: ArrayFile, features: ArrayFile, config: Mapping[str, Any]) -> LatentFactorModel:
    settings = _read_settings(config["settings"])
    factors = Factors(arrays["user_factors"], arrays["target_factors"], arrays["basis"], settings.factors)
    kinds = {name: FeatureKind(kind) for name, kind in config["kinds"].items()}
    blocks, seen = FeatureBlocks(StoredBlocks(features, config["blocks"]), kinds), arrays["seen"]
    carried = np.column_stack([factors.targets[seen], arrays["seen_level"]])
    return LatentFactorModel(
        settings=settings,
        factors=factors,
        regressor=make_regressor(blocks, settings.kernel, seen, carried),
        prior=Prior(arrays["prior_mean"], arrays["prior_variance"]),
        popularity=arrays["level"],
        vectors=arrays["vectors"],
        prior_share=arrays["share"],
        longest=config["longest"],
        calibration=_calibration(config["calibration"]),
        popularity_error=arrays["error"],
        spread=_spread(config["spread"]),
        new_customers=_new_customers(config),
        unknown=_calibration(given) if (given := config.get("unknown")) else None,
    )


def _read_settings(given: Mapping[str, Any]) -> ModelSettings:
    return ModelSettings(
        FactorSettings(**given["factors"]),
        KernelSettings(**given["kernel"]),
        **{name: given[name] for name in _NUMBERS},
        calibration=given["calibration"] and _calibration(given["calibration"]),
        new_customers=_new_customers(given),
        spread=given["spread"] and _spread(given["spread"]),
    )


def _calibration(given: Mapping[str, Any]) -> PurchaseCalibration:
    return PurchaseCalibration(tuple(given["knots"]), tuple(given["slopes"]), given["activity"], given["intercept"])


def _new_customers(config: Mapping[str, Any]) -> NewCustomers | None:
    """None in a model that was saved before new customers were predicted."""
    given = config.get("new_customers")
    return given and NewCustomers(given["intercept"], given["slope"], given["lowest"], given["highest"])


def _spread(given: Mapping[str, Any]) -> ConformalInterval:
    return ConformalInterval(tuple(given["levels"]), tuple(given["low"]), tuple(given["high"]))


def _backend(library: str) -> ModuleType | None:
    """The table library of the history; Arrow (None) where it is not installed."""
    known = library in _LIBRARIES and importlib.util.find_spec(library) is not None
    return importlib.import_module(library) if known else None


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
