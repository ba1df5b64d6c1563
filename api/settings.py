"""Settings from the environment: where newaisle keeps its files, and which store it talks to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ..graph import Credentials, home_folder


class Settings(BaseSettings):
    """What the environment says; a variable that is empty counts as not set.

    Attributes:
        newaisle_home: folder of caches, downloads and the embedded store (``NEWAISLE_HOME``, or else the user's data
            directory); an empty one means a fresh start.
        neo4j_uri: URL of the store to use where none is named (``NEO4J_URI``); None for the embedded one.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True)

    newaisle_home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(default_factory=home_folder)
    neo4j_uri: str | None = None

    @property
    def store(self) -> str:
        """URL of the store to use where none is named."""
        return self.neo4j_uri or "embedded"

    @property
    def credentials(self) -> Credentials:
        """For a database server: ``NEO4J_USERNAME``, ``NEO4J_PASSWORD`` and ``NEO4J_DATABASE``."""
        return Credentials.from_environment()

    @property
    def encodings(self) -> Path:
        """SQLite file that keeps encoded texts between runs."""
        return self.newaisle_home / "encodings.sqlite"

    @property
    def evaluation(self) -> Path:
        """Folder of finished cells of evaluations."""
        return self.newaisle_home / "evaluation"
