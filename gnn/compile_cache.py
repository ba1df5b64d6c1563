"""Imports of torch's compiler without the folder for compiled code that it makes, though nothing is compiled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = "TORCHINDUCTOR_CACHE_DIR"


@contextmanager
def without_compile_cache() -> Iterator[None]:
    """Import inside what imports ``torch._dynamo``: it finds a folder that exists already, and makes none.

    Else it would leave an empty one in the temporary folder, and fail where no folder can be made.
    """
    if _FOLDER in os.environ:
        yield
        return
    os.environ[_FOLDER] = str(Path(__file__).parent)
    try:
        yield
    finally:
        os.environ.pop(_FOLDER, None)
