"""Imports of torch's compiler without the folder for compiled code that it makes, though nothing is compiled."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@atexit.register
def _remove_empty_folder() -> None:
    """What imports torch's compiler later makes the folder all the same; one with compiled code in it stays."""
    torch_folder = sys.modules.get("torch._inductor.runtime.cache_dir_utils")
    if torch_folder is not None:
        with suppress(OSError):
            Path(torch_folder.default_cache_dir()).rmdir()
