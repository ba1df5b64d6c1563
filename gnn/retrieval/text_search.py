"""Free-text search: targets whose names, ancestors or attributes match a text by letters or by meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from ...display import short_repr
from ...graph import CatalogGraph

DECAY = 0.8
"""Factor by which a match is weakened at each edge between target and ancestor or attribute."""
BACKGROUND = 0.3
"""Any two texts have about this cosine, by letters or by meaning; what is below counts as no match."""
_CERTAIN = 0.999

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class Matches:
    """Matches of a text among n targets and groups, then m attributes."""

    own: FloatArray  # of every node itself, 0 to 1, float64 (n + m,)
    doubt: FloatArray  # ``log(1 - match)`` of targets and groups, 0 or below, float64 (n,)

    __repr__ = short_repr

    @property
    def match(self) -> FloatArray:
        """Match of targets and groups with their ancestors and attributes, 0 to 1, float64 (n,)."""
        return -np.expm1(self.doubt)


@dataclass(frozen=True, eq=False)
class TextSearch:
    """Searches a catalog by text, by letters (trigrams weighted by rarity) and by meaning (cosine of embeddings).

    The match of a target combines its own and those of its ancestors and attributes, each weakened by its distance, as
    independent evidence: ``1 - prod_j (1 - DECAY^h_j m_j)``.
    """

    graph: CatalogGraph
    meanings: Sequence[FloatArray] = ()  # unit embeddings of names and texts, each float (n, d)
    attribute_meanings: FloatArray | None = None  # unit, float (m, d), zero where values have no letters

    __repr__ = short_repr

    def matches(self, text: str, meaning: FloatArray | None = None) -> Matches:
        """Match a text by letters and, with its unit embedding ``meaning``, float (d,), by meaning."""
        letters = _rescale(self._trigrams.cosines(text))
        own = letters if meaning is None or not self.meanings else (letters + self._match_meaning(meaning)) / 2
        own = np.minimum(own, _CERTAIN)
        doubt = np.log1p(-own[: len(self.graph)])
        for hops, reach in enumerate(self._reach, start=1):
            doubt += reach @ np.log1p(-(DECAY**hops) * own)
        return Matches(own, doubt)

    def reason(self, matches: Matches, target: int) -> str:
        """The best matching node of a target: its name, an ancestor's, or an attribute (``name=value``)."""
        best, weight = target, float(matches.own[target])
        for hops, reach in enumerate(self._reach, start=1):
            above = reach.indices[reach.indptr[target] : reach.indptr[target + 1]]
            if len(above):
                node = int(above[np.argmax(matches.own[above])])
                if (found := DECAY**hops * float(matches.own[node])) > weight:
                    best, weight = node, found
        size = len(self.graph)
        return self.graph.names[best] if best < size else str(self.graph.attributes[best - size])

    def _match_meaning(self, meaning: FloatArray) -> FloatArray:
        nodes = np.max([vectors @ meaning for vectors in self.meanings], axis=0)
        attributes = self.attribute_meanings
        values = np.zeros(len(self.graph.attributes)) if attributes is None else attributes @ meaning
        return _rescale(np.concatenate([nodes, values]))

    @cached_property
    def _trigrams(self) -> _Trigrams:
        return _Trigrams.of([*self.graph.names, *(attribute.value for attribute in self.graph.attributes)])

    @cached_property
    def _reach(self) -> tuple[sp.csr_array, ...]:
        """The nodes above every target at a distance of 1, 2, ... edges, each 0/1 CSR (n, n + m)."""
        upward, size = self.graph.upward, len(self.graph)
        frontier = upward[:size]
        known, reach = sp.csr_array(sp.eye_array(size, upward.shape[1])), []
        while frontier.nnz:
            reach.append(frontier)
            known = known + frontier
            further = sp.csr_array((frontier @ upward) > 0, dtype=np.float64)
            frontier = further - further.multiply(known > 0)
            frontier.eliminate_zeros()
        return tuple(reach)


def _rescale(cosines: FloatArray) -> FloatArray:
    return np.clip((cosines - BACKGROUND) / (1 - BACKGROUND), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class _Trigrams:
    """TF-IDF of trigrams within words as sets, CSR (texts, v); scikit-learn's ignores trigrams that no text has."""

    place: dict[str, int]
    weights: FloatArray
    vectors: sp.csr_array

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Trigrams:
        found = [_trigrams_of(text) for text in texts]
        place = {gram: column for column, gram in enumerate(sorted({gram for grams in found for gram in grams}))}
        ends = np.cumsum([0, *map(len, found)])
        columns = np.fromiter((place[gram] for grams in found for gram in sorted(grams)), np.int64, ends[-1])
        carriers = np.bincount(columns, minlength=len(place))
        weights = 1.0 + np.log((len(texts) + 1) / (carriers + 1))
        data = weights[columns]
        rows = np.repeat(np.arange(len(texts)), np.diff(ends))
        length = np.sqrt(np.bincount(rows, weights=data**2, minlength=len(texts)))
        vectors = sp.csr_array((data / length[rows], columns, ends), shape=(len(texts), len(place)))
        return cls(place, weights, vectors)

    def cosines(self, text: str) -> FloatArray:
        """Cosine of a text with all others, float64 (texts,); a trigram that none has counts as the rarest."""
        grams = _trigrams_of(text)
        columns = np.array([self.place[gram] for gram in grams if gram in self.place], dtype=np.int64)
        rarest = 1.0 + np.log(len(self.vectors.indptr))
        length = np.sqrt(np.square(self.weights[columns]).sum() + (len(grams) - len(columns)) * rarest**2)
        query = np.zeros(len(self.place))
        query[columns] = self.weights[columns] / (length or 1.0)
        return np.asarray(self.vectors @ query)


def _trigrams_of(text: str) -> set[str]:
    words = [f" {word} " for word in _WORD.findall(text.lower())]
    return {word[i : i + 3] for word in words for i in range(len(word) - 2)}
