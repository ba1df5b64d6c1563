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
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ...errors import InputError, ModelError, ModelFormatError
from ...graph import CatalogGraph, Ids
from ...graph.catalog.arrow import graph_from_files, graph_tables
from ...graph.event_weights import EventWeights
from ..calibration.forecast import ConformalInterval
from ..calibration.probability import PurchaseCalibration
from ..factors.als import Factors
from ..factors.settings import FactorSettings
from ..model.model import LatentFactorModel
from ..model.settings import ModelSettings
from ..online.events import EventLog
from ..prior.kernel import KernelSettings, Prior
from ..prior.nearest import make_regressor
from ..propagation.features import Block, FeatureBlocks, FeatureKind
from ..propagation.schema import AttributeVocabulary, FeatureSchema, StandardScaler
from ..text.clusters import Clusters
from .folder import CONFIG, FORMAT, is_model, own_hash, put_in_place, read_config, sha256_of
from .state import ModelState

_GRAPH_TABLES = ("targets", "features", "attributes", "edges")
_USER_TABLES = ("users", "history", "newcomers", "observed")
_OBSERVED = ("user", "target", "weight", "first", "last")
_NUMBERS = ("strength", "seen_strength", "level", "offset", "tau")
_LIBRARIES = ("pandas", "polars", "pyarrow")
Precision = Literal["float64", "float16"]


def save_state(state: ModelState, path: Path, precision: Precision = "float64") -> None:
    """Write a folder beside ``path``, then put it in place: a reader never meets half a model.

    Args:
        state: what to write.
        path: the folder.
        precision: of factors, vectors, priors and phi; "float16" takes a fourth of their space and 3 digits.

    Raises:
        InputError: another precision.
        ModelFormatError: ``path`` holds something else than a model.
        ModelError: the folder cannot be written, or a number is too large for half precision.
    """
    if precision not in ("float64", "float16"):
        raise InputError(f"The precision is {precision!r}; give 'float64' or 'float16'.")
    path = path.resolve()
    if path.exists() and not is_model(path) and (not path.is_dir() or any(path.iterdir())):
        raise ModelFormatError(f"{path} exists and is no newaisle model; choose another folder or remove it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            _write(state, made, precision)
            made.chmod(0o755)
            put_in_place(made, path)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
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
    model, factors = state.model, state.model.factors
    signed = state.signed
    tables = graph_tables(state.graph)
    quantity = np.zeros(signed.nnz)
    quantity[signed.data > 0] = state.bought.data  # the same pairs in the same order
    tables["users"] = pa.table({"id": list(state.users)})
    tables["history"] = pa.table(
        {
            "user": np.repeat(np.arange(signed.shape[0]), np.diff(signed.indptr)),
            "target": signed.indices.astype(np.int64),
            "quantity": quantity,
            "weight": signed.data,
        }
    )
    tables["newcomers"] = pa.table({"id": list(state.newcomers)})
    tables["observed"] = pa.table({name: getattr(state.event_log, name) for name in _OBSERVED})
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "user_factors": factors.users,
        "target_factors": factors.targets,
        "basis": factors.basis,
        "prior_mean": model.prior.mean,
        "prior_variance": model.prior.variance,
        "level": model.popularity,
        "seen_level": model.regressor.factors[:, -1],
        "vectors": model.vectors,
        "share": model.prior_share,
        "error": model.popularity_error,
        "seen": model.regressor.seen,
    }
    phi = _flat_blocks(model.regressor.blocks)
    if precision == "float16":
        arrays, phi = _halved(arrays), _halved(phi)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "space.safetensors")
    own = {} if state.clusters is None else {"clusters.centres": np.ascontiguousarray(state.clusters.centres)}
    save_file({**phi, **_flat_frozen(state.schema), **own}, folder / "blocks.safetensors")
    files = {file.name: sha256_of(file) for file in sorted(folder.iterdir())}
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
        "settings": asdict(model.settings),
        "blocks": {name: list(block.shape) for name, block in model.regressor.blocks.matrices.items()},
        "kinds": {name: str(kind) for name, kind in model.regressor.blocks.kinds.items()},
        "frozen": _told_frozen(state.schema),
        "clusters": state.clusters
        and {"names": list(state.clusters.names), "min_similarity": state.clusters.min_similarity},
        "files": files,
    }
    config["hash"] = own_hash(config)
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _assemble(path: Path, config: Mapping[str, Any]) -> ModelState:
    tables = {name: pq.ParquetFile(path / f"{name}.parquet").read() for name in (*_GRAPH_TABLES, *_USER_TABLES)}
    graph = graph_from_files(config["source"], tables)
    if graph.content_hash != config["graph_hash"]:
        raise ModelFormatError(f"The graph in the model {path} is not the one it was fitted to; save it again.")
    arrays = _doubled(load_file(path / "space.safetensors"))
    given = config["settings"]
    settings = ModelSettings(
        FactorSettings(**given["factors"]),
        KernelSettings(**given["kernel"]),
        **{name: given[name] for name in _NUMBERS},
        calibration=given["calibration"] and _calibration(given["calibration"]),
        spread=given["spread"] and _spread(given["spread"]),
    )
    factors = Factors(arrays["user_factors"], arrays["target_factors"], arrays["basis"], settings.factors)
    flat = _doubled(load_file(path / "blocks.safetensors"))
    matrices = _matrices(flat, config["blocks"])
    blocks = FeatureBlocks(matrices, {name: FeatureKind(kind) for name, kind in config["kinds"].items()})
    seen = arrays["seen"]
    regressor = make_regressor(
        blocks, settings.kernel, seen, np.column_stack([factors.targets[seen], arrays["seen_level"]])
    )
    model = LatentFactorModel(
        settings=settings,
        factors=factors,
        regressor=regressor,
        prior=Prior(arrays["prior_mean"], arrays["prior_variance"]),
        popularity=arrays["level"],
        vectors=arrays["vectors"],
        prior_share=arrays["share"],
        longest=config["longest"],
        calibration=_calibration(config["calibration"]),
        popularity_error=arrays["error"],
        spread=_spread(config["spread"]),
    )
    users, history = Ids(tuple(tables["users"]["id"].to_pylist()), "user"), tables["history"]
    quantity, weight, user, target = (history[name].to_numpy() for name in ("quantity", "weight", "user", "target"))
    bought, signed = (
        sp.csr_array((data[part], (user[part], target[part])), shape=(len(users), len(graph)))
        for data, part in ((quantity, weight > 0), (weight, weight != 0))
    )
    newcomers = Ids(tuple(tables["newcomers"]["id"].to_pylist()), "user")
    events = {name: tables["observed"][name].to_numpy() for name in _OBSERVED}
    event_log = EventLog(**events, longest=config["longest_at_fit"])
    library = config["library"]
    known = library in _LIBRARIES and importlib.util.find_spec(library) is not None
    backend = importlib.import_module(library) if known else None  # Arrow where the library is not installed
    encoder, seed, window = config["encoder"], config["seed"], config["window"]
    schema = _schema(config["frozen"], flat, graph)
    more: dict[str, Any] = {"schema": schema, "signed": signed, "kinds": EventWeights(**config["event_kinds"])}
    if told := config.get("clusters"):
        more["clusters"] = Clusters(flat["clusters.centres"], tuple(told["names"]), told["min_similarity"])
    return ModelState(graph, users, bought, model, encoder, seed, backend, window, newcomers, event_log, **more)


def _calibration(given: Mapping[str, Any]) -> PurchaseCalibration:
    return PurchaseCalibration(tuple(given["knots"]), tuple(given["slopes"]), given["activity"], given["intercept"])


def _spread(given: Mapping[str, Any]) -> ConformalInterval:
    return ConformalInterval(tuple(given["levels"]), tuple(given["low"]), tuple(given["high"]))


def _flat_blocks(blocks: FeatureBlocks) -> dict[str, np.ndarray[Any, Any]]:
    flat: dict[str, np.ndarray[Any, Any]] = {}
    for place, block in enumerate(blocks.matrices.values()):
        if isinstance(block, np.ndarray):
            flat[f"{place}.dense"] = np.ascontiguousarray(block)
        else:
            parts = {"data": block.data, "indices": block.indices, "indptr": block.indptr}
            flat |= {f"{place}.{part}": np.ascontiguousarray(array) for part, array in parts.items()}
    return flat


def _matrices(flat: Mapping[str, np.ndarray[Any, Any]], shapes: Mapping[str, list[int]]) -> dict[str, Block]:
    matrices: dict[str, Block] = {}
    for place, (name, shape) in enumerate(shapes.items()):
        if f"{place}.dense" in flat:
            matrices[name] = flat[f"{place}.dense"]
        else:
            parts = (flat[f"{place}.{part}"] for part in ("data", "indices", "indptr"))
            matrices[name] = sp.csr_array(tuple(parts), shape=(shape[0], shape[1]))
    return matrices


def _halved(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Numbers with a fraction in half precision, all others as they are."""
    with np.errstate(over="ignore"):  # told below
        halved = {
            name: a.astype(np.float16) if np.issubdtype(a.dtype, np.floating) else a for name, a in arrays.items()
        }
    for name, array in halved.items():
        if array.dtype == np.float16 and not np.isfinite(array).all():
            raise ModelError(f"The model's {name} has numbers too large for float16; save it with precision='float64'.")
    return halved


def _doubled(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays in half precision as float64 again, all others as they are."""
    return {name: a.astype(np.float64) if a.dtype == np.float16 else a for name, a in arrays.items()}


def _flat_frozen(schema: FeatureSchema) -> dict[str, np.ndarray[Any, Any]]:
    flat: dict[str, np.ndarray[Any, Any]] = {}
    if schema.general is not None:
        flat["frozen.general"] = np.ascontiguousarray(schema.general)
    for place, values in enumerate(schema.values.values()):
        flat |= {f"frozen.{place}.positions": values.positions, f"frozen.{place}.rarity": values.rarity}
    return flat


def _told_frozen(schema: FeatureSchema) -> dict[str, Any]:
    return {
        "size": schema.size,
        "texts": schema.texts,
        "values": list(schema.values),
        "relations": dict(schema.relations),
        "features": dict(schema.features),
        "scales": {name: [asdict(scale) for scale in scales] for name, scales in schema.scales.items()},
    }


def _schema(told: Mapping[str, Any], flat: Mapping[str, np.ndarray[Any, Any]], graph: CatalogGraph) -> FeatureSchema:
    places = enumerate(told["values"])
    return FeatureSchema(
        size=told["size"],
        shared=FeatureSchema.shared_names(graph, told["size"]),
        texts=told["texts"],
        general=flat.get("frozen.general"),
        values={
            name: AttributeVocabulary(flat[f"frozen.{i}.positions"], flat[f"frozen.{i}.rarity"]) for i, name in places
        },
        relations=told["relations"],
        features=told["features"],
        scales={name: tuple(StandardScaler(**scale) for scale in scales) for name, scales in told["scales"].items()},
    )
