"""Which column of a table of order lines is what."""

import pytest

from newaisle.errors import InputError
from newaisle.loaders.orders.columns import recognise

FORMS = {
    "an online shop": (
        "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country",
        {
            "order": "InvoiceNo",
            "item": "StockCode",
            "name": "Description",
            "quantity": "Quantity",
            "timestamp": "InvoiceDate",
            "price": "UnitPrice",
            "user": "CustomerID",
        },
        (),
    ),
    "a log of visits": (
        "timestamp visitorid event itemid transactionid",
        {
            "timestamp": "timestamp",
            "user": "visitorid",
            "event": "event",
            "item": "itemid",
            "order": "transactionid",
        },
        (),
    ),
    "groceries with aisles": (
        "order_id product_id add_to_cart_order user_id order_dow product_name aisle_id department_id aisle department",
        {"order": "order_id", "item": "product_id", "user": "user_id", "name": "product_name"},
        ("aisle", "department"),
    ),
    "fashion": (
        "t_dat customer_id article_id price product_code prod_name product_type_name department_name detail_desc",
        {
            "timestamp": "t_dat",
            "user": "customer_id",
            "item": "article_id",
            "price": "price",
            "name": "prod_name",
            "text": "detail_desc",
        },
        ("product_type_name", "department_name"),
    ),
    "electronics": (
        "event_time event_type product_id category_id category_code brand price user_id user_session",
        {
            "timestamp": "event_time",
            "event": "event_type",
            "item": "product_id",
            "price": "price",
            "user": "user_id",
            "order": "user_session",
        },
        ("category_code",),
    ),
    "office supplies": (
        "Row ID|Order ID|Order Date|Ship Date|Customer ID|Segment|Product ID|Category|Sub-Category|Product Name|Sales",
        {
            "order": "Order ID",
            "timestamp": "Order Date",
            "user": "Customer ID",
            "item": "Product ID",
            "name": "Product Name",
        },
        ("Category", "Sub-Category"),
    ),
    "a bakery without customers": (
        "Transaction Item date_time period_day",
        {"order": "Transaction", "item": "Item", "timestamp": "date_time"},
        (),
    ),
    "a grocery without item numbers": (
        "Member_number Date itemDescription",
        {"user": "Member_number", "timestamp": "Date", "name": "itemDescription", "item": "itemDescription"},
        (),
    ),
    "categories alone": ("user_id category", {"user": "user_id"}, ("category",)),
    "numbered levels": (
        "user_id sku category_l2 category_l1 category_l3",
        {"user": "user_id", "item": "sku"},
        ("category_l1", "category_l2", "category_l3"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_well_known_names(form: str) -> None:
    names, named, category = FORMS[form]
    columns = recognise(names.split("|" if "|" in names else " "), {})
    assert dict(columns.named) == named
    assert columns.category == category


def test_the_schema_has_the_first_word() -> None:
    names = ["CustomerID", "who", "sku", "product", "branch", "class"]
    given = {"user": "who", "category": "class,branch", "name": "sku"}
    columns = recognise(names, given, settled={"product"})
    assert columns.named == {"user": "who", "name": "sku", "item": "sku"}
    assert columns.category == ("class", "branch")
    assert columns.ordered
    assert columns.reasons["who"] == "named by the schema"


@pytest.mark.parametrize(
    ("names", "given", "told"),
    [
        (["user_id", "customer_id", "sku"], {}, "'user_id' and 'customer_id' of the order lines may both be the user"),
        (["user_id", "sku", "StockCode"], {}, r'name one in the schema: \[orders\] item = "sku"'),
        (["who", "sku"], {}, r"known to be a user nor an order \(columns: 'who', 'sku'\)"),
        (["user_id", "what"], {}, r'an item nor a category .*: \[orders\] item = "COLUMN"'),
        (["user_id", "sku"], {"user": "custmer"}, "'custmer' as user of the order lines"),
        (["user_id", "sku"], {"category": "class,branch"}, "'class' as category"),
        (["user_id", "sku"], {"colour": "sku"}, "have no 'colour'; the schema may name user, order"),
    ],
)
def test_what_is_not_clear_is_one_sentence(names: list[str], given: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        recognise(names, given)
