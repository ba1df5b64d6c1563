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
from ...gnn.propagation.features import FeatureKind
from ...gnn.retrieval.profile import profile_vector
from ...gnn.retrieval.text_search import Matches, TextSearch
from ...gnn.serving.candidates import Among, Candidates
from ...gnn.serving.state import ModelState
from ...gnn.text.encoder import TextEncoder
from ...gnn.utils import replace_keeping_cache
from ...graph.frames import Table
from ..updates.encoding import encoder_of
from .table import check_k, target_table
from .users import Profile, UserRef, resolve_users

SEARCH_COLUMNS = ("target", "name", "relevance", "match", "because")
PERSONAL = 0.3
"""How far taste changes a match: the best liked target keeps all of it, the least liked 70 %."""
_STAND_INS = 3
"""Seen targets per thing that a profile names."""
_OF_CATALOG = ("_encoder", "_meanings", "_index")
_PHRASE = re.compile(r"[,;.&\n]|\band\b", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, eq=False)
class Finder:
    """Searches a model's catalog by text; ``cache`` keeps embeddings of the catalog's texts, not of queries."""

    state: ModelState
    cache: Path

    def renewed(self, state: ModelState) -> Self:
        """The same catalog and texts with another state."""
        return replace_keeping_cache(self, _OF_CATALOG, state=state)

    def search(self, text: str, k: int, user: UserRef, among: Among) -> Table:
        """The targets that match a text best as a table with ``SEARCH_COLUMNS``."""
        check_k(k)
        candidates = self.state.choose(among)
        liking = None if user is None else self._liking(user, candidates)
        matches = self._matches(text)
        match, doubt = matches.match[candidates.targets], matches.doubt[candidates.targets]
        relevance = match if liking is None else match * (1.0 - PERSONAL + PERSONAL * liking)
        order = np.lexsort((doubt, -relevance))  # many matches are all but 1; doubt still tells them apart
        order = order[match[order] > 0][:k]
        found = candidates.targets[order]
        because = pa.array([self._index.reason(matches, target) for target in found.tolist()], pa.string())
        return target_table(
            self.state, SEARCH_COLUMNS, found, relevance=relevance[order], match=match[order], because=because
        )

    def profile(self, text: str) -> Profile:
        """A user described by a text: each thing it names counts as the nearest seen targets."""
        seen = self.state.choose("seen").targets
        named: dict[int, None] = {}
        for phrase in [part for part in _PHRASE.split(_checked(text)) if part.strip()]:
            doubt = self._matches(phrase).doubt[seen]
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

    def _matches(self, text: str) -> Matches:
        meaning = None
        if self._encoder is not None:
            meaning = self._encoder.encode([_checked(text)])[0].astype(np.float64)
        return self._index.matches(_checked(text), meaning)

    @cached_property
    def _encoder(self) -> TextEncoder | None:
        return encoder_of(self.state) if self._meanings else None

    @cached_property
    def _meanings(self) -> tuple[FloatArray, ...]:
        blocks = self.state.model.regressor.blocks.of({FeatureKind.NAME, FeatureKind.TEXT})
        return tuple(np.asarray(block) for block in blocks.matrices.values())

    @cached_property
    def _index(self) -> TextSearch:
        graph = self.state.graph
        values = [a.value.lower() if _LETTER.search(a.value) else "" for a in graph.attributes]
        known = None
        if self._encoder is not None and any(values):
            known = replace(self._encoder, cache=self.cache).encode(values).astype(np.float64)
        return TextSearch(graph, self._meanings, known)


def _checked(text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError("The text is empty; give some words.")
    return text.strip()
