"""Targets that match a text, and users described by a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from ...arrays import FloatArray
from ...errors import InputError
from ...gnn.propagation.features import FeatureBlocks, FeatureKind
from ...gnn.retrieval.profile import profile_vector
from ...gnn.retrieval.text_search import Matches, TextSearch
from ...gnn.serving.candidates import Among, Candidates
from ...gnn.serving.state import ModelState
from ...gnn.text.encoder import TextEncoder
from ...graph import CatalogGraph
from ...graph.frames import Table
from ..updates.encoding import encoder_of
from .table import check_k, target_table
from .users import Profile, UserRef, resolve_users

SEARCH_COLUMNS = ("target", "name", "relevance", "match", "because")
PERSONAL = 0.3
"""How far taste changes a match: the best liked target keeps all of it, the least liked 70 %."""
_STAND_INS = 3
"""Seen targets per thing that a profile names."""
_READ = frozenset({FeatureKind.NAME, FeatureKind.TEXT})
_PHRASE = re.compile(r"[,;.&\n]|\band\b", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, eq=False)
class CatalogTexts:
    """The texts of a model's catalog, to be searched; ``cache`` keeps their embeddings, not those of queries."""

    graph: CatalogGraph
    blocks: FeatureBlocks
    encoder: TextEncoder | None
    cache: Path | None

    @classmethod
    def of(cls, state: ModelState, cache: Path | None) -> Self:
        """The texts of the catalog of a state; a ModelError where its encoder is not confirmed."""
        blocks = state.model.regressor.blocks
        known = any(kind in _READ for kind in blocks.kinds.values())
        return cls(state.graph, blocks, encoder_of(state) if known else None, cache)

    def are_of(self, state: ModelState) -> bool:
        """Whether a state has this very catalog and its features."""
        return self.graph is state.graph and self.blocks is state.model.regressor.blocks

    def matches(self, text: str) -> Matches:
        """Match a text by letters and, with an encoder, by meaning; an InputError where it is empty."""
        checked = _checked(text)
        meaning = None if self.encoder is None else self.encoder.encode([checked])[0].astype(np.float64)
        return self.index.matches(checked, meaning)

    @cached_property
    def index(self) -> TextSearch:
        """Searches names and attribute values."""
        values = [a.value.lower() if _LETTER.search(a.value) else "" for a in self.graph.attributes]
        known = None
        if self.encoder is not None and any(values):
            known = replace(self.encoder, cache=self.cache).encode(values).astype(np.float64)
        meanings = tuple(np.asarray(block) for block in self.blocks.of(_READ).matrices.values())
        return TextSearch(self.graph, meanings, known)


@dataclass(frozen=True, eq=False)
class Finder:
    """Searches a model's catalog by text."""

    state: ModelState
    texts: CatalogTexts

    def search(self, text: str, k: int, user: UserRef, among: Among) -> Table:
        """The targets that match a text best as a table with ``SEARCH_COLUMNS``."""
        check_k(k)
        candidates = self.state.choose(among)
        liking = None if user is None else self._liking(user, candidates)
        matches = self.texts.matches(text)
        match, doubt = matches.match[candidates.targets], matches.doubt[candidates.targets]
        relevance = match if liking is None else match * (1.0 - PERSONAL + PERSONAL * liking)
        order = np.lexsort((doubt, -relevance))  # many matches are all but 1; doubt still tells them apart
        order = order[match[order] > 0][:k]
        found = candidates.targets[order]
        because = pa.array([self.texts.index.reason(matches, target) for target in found.tolist()], pa.string())
        return target_table(
            self.state, SEARCH_COLUMNS, found, relevance=relevance[order], match=match[order], because=because
        )

    def profile(self, text: str) -> Profile:
        """A user described by a text: each thing it names counts as the nearest seen targets."""
        seen = self.state.choose("seen").targets
        named: dict[int, None] = {}
        for phrase in [part for part in _PHRASE.split(_checked(text)) if part.strip()]:
            doubt = self.texts.matches(phrase).doubt[seen]
            order = np.argsort(doubt, kind="stable")[:_STAND_INS]
            named |= dict.fromkeys(seen[order[doubt[order] < 0]].tolist())
        if not named:
            raise InputError(f"Nothing sold resembles {text!r}; describe what the user buys in other words.")
        positions = np.array(list(named))
        ids = tuple(self.state.graph.ids.values[position] for position in named)
        return Profile(text, ids, profile_vector(self.state.model.factors, positions))

    def _liking(self, user: UserRef, candidates: Candidates) -> FloatArray:
        """The user's taste for the targets of a choice as ranks from 0 (least) to 1 (most), float64 (t,)."""
        batch = resolve_users(self.state, user)
        order = np.argsort(self.state.score(batch.vectors, candidates.targets)[0], kind="stable")
        rank = np.empty(len(order))
        rank[order] = np.arange(len(order)) / max(len(order) - 1, 1)
        return rank


def _checked(text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError("The text is empty; give some words.")
    return text.strip()
