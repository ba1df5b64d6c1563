"""Settings from the environment: where newaisle keeps its files, and which store it connects to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..graph import Credentials
from ..paths import home_if_any


@dataclass(frozen=True)
class Settings:
    """Settings from environment variables; an empty variable counts as not set.

    Attributes:
        newaisle_home: folder of caches, downloads and the embedded store (``NEWAISLE_HOME``, else the user's data
            directory); None for an account without a home folder.
        neo4j_uri: URL of the default store (``NEO4J_URI``); None for the embedded one.
    """

    newaisle_home: Path | None = field(default_factory=home_if_any)
    neo4j_uri: str | None = field(default_factory=lambda: os.environ.get("NEO4J_URI") or None)

    @property
    def store(self) -> str:
        """URL of the default store."""
        return self.neo4j_uri or "embedded"

    @property
    def credentials(self) -> Credentials:
        """For a database server: ``NEO4J_USERNAME``, ``NEO4J_PASSWORD`` and ``NEO4J_DATABASE``."""
        return Credentials.from_environment()

    @property
    def encodings(self) -> Path | None:
        """SQLite file that caches encoded texts between runs."""
        return self.newaisle_home and self.newaisle_home / "encodings.sqlite"

    @property
    def evaluation(self) -> Path | None:
        """Folder that caches the finished parts of evaluations."""
        return self.newaisle_home and self.newaisle_home / "evaluation"
