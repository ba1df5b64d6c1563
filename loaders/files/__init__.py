"""Files of tables, opened and read as Arrow: nothing else in the package opens them."""

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .find import find_table
    from .reading import FileReading
    from .table import read_table

__all__ = ["FileReading", "find_table", "read_table"]

__getattr__ = lazy_names(__name__, {"FileReading": ".reading", "find_table": ".find", "read_table": ".table"})
