"""Which column of a table of order lines is what: recognised by well-known names, or named by its owner."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import InputError

WELL_KNOWN: Mapping[str, tuple[str, ...]] = {
    "user": (
        "user_id customer_id client_id member_id member_number visitor_id household_id household_key buyer_id "
        "shopper_id customer_number customer_no",
        "user customer client member visitor household buyer shopper",
    ),
    "order": (
        "order_id order_number order_no invoice_id invoice_no invoice_number transaction_id basket_id receipt_id "
        "receipt_no bill_no",
        "order invoice transaction basket receipt",
        "session_id user_session session",
    ),
    "item": (
        "item_id product_id article_id sku stock_code",
        "item_code product_code article_no article_number item_no ean upc gtin barcode asin",
        "item product article",
    ),
    "name": (
        "product_name prod_name item_name article_name product_title title name",
        "item_description product_description stock_description description desc",
        "item product article",
    ),
    "text": ("detail_desc details long_description item_description product_description description",),
    "price": ("unit_price item_price sales_price price_each", "price"),
    "quantity": ("quantity qty quantity_ordered units",),
    "timestamp": (
        "timestamp datetime date_time event_time event_timestamp invoice_date order_date order_datetime order_time "
        "purchase_date order_purchase_timestamp transaction_date transaction_timestamp transaction_dt t_dat created_at",
        "date time event_date day",
    ),
    "event": ("event event_type event_name behavior behavior_type behaviour behaviour_type action action_type",),
}
"""Standard name -> well-known names, those of an earlier line before those of a later one."""
PATHS = "category_path category_code category_tree product_category_tree google_product_category taxonomy breadcrumbs"
"""Names of a column with the whole paths of categories."""
LEVELS = (
    "division department section aisle category categories product_category product_subcategory main_category "
    "sub_category subcategory class product_class subclass product_subclass family product_family subfamily "
    "product_group product_type index garment_group index_group commodity sub_commodity"
)
"""Names of a column with one level of categories or with paths; also with ``name`` behind, and ``category_1``, ..."""
CATEGORY = "category"
_NUMBERS = ("id", "no", "number", "code")
_NUMBERED = re.compile(r"(?:category|categories|cat|level|lvl)(?:level|l)?(\d+)(?:name)?|[lc](\d+)(?:category|name)?")


@dataclass(frozen=True)
class OrderColumns:
    """The columns of a table of order lines.

    Attributes:
        named: standard name (of ``WELL_KNOWN``) -> the table's own name.
        category: one column with paths, or one for each level; none where the table has no categories.
        ordered: the levels are given from broad to narrow; otherwise their cells decide.
        reasons: own name -> why it is this column.
    """

    named: Mapping[str, str]
    category: tuple[str, ...] = ()
    ordered: bool = True
    reasons: Mapping[str, str] = field(default_factory=dict)

    def get(self, standard: str) -> str | None:
        """A column by its standard name."""
        return self.named.get(standard)

    @property
    def users(self) -> str:
        """The column of users: customers, or orders where there are none."""
        return self.named.get("user") or self.named["order"]

    def numbers_a_level(self, own: str) -> bool:
        """Whether a column such as ``aisle_id`` has the numbers of a level that is read by its names."""
        levels = {_plain(each).removesuffix("name") for each in self.category}
        return any(_plain(own) == f"{level}{ending}" for level in levels for ending in _NUMBERS)

    @property
    def used(self) -> frozenset[str]:
        """All own names with a meaning."""
        return frozenset({*self.named.values(), *self.category})


def recognise(names: Sequence[str], given: Mapping[str, str], settled: Container[str] = ()) -> OrderColumns:
    """Find the columns of order lines.

    Args:
        names: of the table's columns.
        given: standard name -> own name, as the owner states it; the columns of ``category`` separated by commas.
        settled: columns with a role of their own, which are not recognised.

    Raises:
        InputError: a given column does not exist or is given twice, two names are equally well known, or neither user
            nor order, or neither item nor category, is found.
    """
    named, category = _given(names, given)
    reasons = dict.fromkeys((*named.values(), *category), "named by the schema")
    free = [own for own in names if own not in reasons and own not in settled]
    ordered = bool(category)
    if not category:
        category, ordered = _categories(free)
        reasons |= dict.fromkeys(category, "a well-known name of categories")
    for standard, known in WELL_KNOWN.items():
        if standard in named:
            continue
        left = [own for own in free if own not in reasons]
        for words in known:
            plain = dict.fromkeys(map(_plain, words.split()))
            found = [own for word in plain for own in left if _plain(own) == word]
            if len(found) > 1 and standard not in ("name", "text"):
                raise InputError(
                    f"The columns {' and '.join(map(repr, found))} of the order lines may both be the {standard}; "
                    f'name one in the schema: [orders] {standard} = "{found[0]}".'
                )
            if found:
                named[standard] = found[0]
                reasons[found[0]] = f"a well-known name of the {standard}"
                break
    if "item" not in named and "name" in named:  # a shop without item numbers
        named["item"] = named["name"]
    _check_complete(names, named, category)
    return OrderColumns(named, category, ordered, reasons)


def _given(names: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    named: dict[str, str] = {}
    category: tuple[str, ...] = ()
    for standard, own in given.items():
        if standard != CATEGORY and standard not in WELL_KNOWN:
            raise InputError(
                f"Order lines have no {standard!r}; the schema may name {', '.join((*WELL_KNOWN, CATEGORY))}."
            )
        several = (own,) if standard != CATEGORY or own in names else tuple(part.strip() for part in own.split(","))
        if missing := [each for each in several if each not in names]:
            raise InputError(
                f"The schema names the column {missing[0]!r} as {standard} of the order lines, which is not among "
                f"their columns ({_listed(names)}); correct it."
            )
        if standard == CATEGORY:
            category = several
        else:
            named[standard] = own
    return named, category


def _categories(free: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The column of paths, or those of levels and whether their names give the order."""
    if paths := [own for word in PATHS.split() for own in free if _plain(own) == _plain(word)]:
        return (paths[0],), True
    numbered = sorted((number, own) for own in free if (number := _level_number(own)) is not None)
    if numbered:
        return tuple(own for _, own in numbered), True
    words = {_plain(word) for word in LEVELS.split()}
    if levels := [own for own in free if _plain(own).removesuffix("name") in words]:
        return tuple(levels), len(levels) == 1
    codes = {f"{word}{ending}" for word in words for ending in _NUMBERS}
    levels = [own for own in free if _plain(own) in codes]
    return tuple(levels), len(levels) <= 1


def _level_number(own: str) -> int | None:
    match = _NUMBERED.fullmatch(_plain(own))
    return int(match[1] or match[2]) if match else None


def _check_complete(names: Sequence[str], named: Mapping[str, str], category: Sequence[str]) -> None:
    if "user" not in named and "order" not in named:
        missing = "a user nor an order", "user"
    elif "item" not in named and not category:
        missing = "an item nor a category", "item"
    else:
        return
    raise InputError(
        f"No column of the order lines is known to be {missing[0]} (columns: {_listed(names)}); "
        f'name it in the schema: [orders] {missing[1]} = "COLUMN".'
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _plain(name: str) -> str:
    """A name without case, blanks and punctuation."""
    return "".join(filter(str.isalnum, name.casefold()))
