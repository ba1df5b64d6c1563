"""Files of tables, opened and read as Arrow: nothing else in the package opens them."""

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .reading import FileReading
    from .table import read_table

__all__ = ["FileReading", "read_table"]

__getattr__ = lazy_names(__name__, {"FileReading": ".reading", "read_table": ".table"})
