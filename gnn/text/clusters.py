"""Relations for catalogs without a taxonomy: KMeans clusters of the texts' embeddings, as one more attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ...arguments import is_number
from ...arrays import Float32Array, FloatArray, IntArray
from ...display import short, short_repr
from ...errors import InputError
from ...graph import CatalogGraph
from ...graph.catalog.derive import with_attributes
from ...graph.catalog.schema import Attribute
from ..utils import unit_rows
from .catalog import Encoded

CLUSTER = "cluster"
"""Name of the attribute."""

CLUSTERS = "clusters"
"""The only value of ``relations`` besides None."""

MIN_SIMILARITY = 0.6
"""Default of the least cosine of a text and the centre of its cluster."""

_SEED = 0  # clusters are a property of the catalog, whatever the seed of the fit
_STARTS = 4
_NAMES = 3


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of texts; those farther from all centres than ``min_similarity`` (a cosine) are in none."""

    centres: FloatArray  # unit vectors, float64 (k, d)
    names: tuple[str, ...]  # of the texts nearest to each centre, all different
    min_similarity: float

    __repr__ = short_repr

    @classmethod
    def of(cls, texts: Float32Array, names: tuple[str, ...], min_similarity: float = MIN_SIMILARITY) -> Clusters:
        """Cluster the texts of a catalog, unit vectors (n, d) or zero without text, by KMeans (Lloyd 1982).

        ``sqrt(n / 2)`` clusters of n different texts (Mardia, Kent and Bibby 1979, page 365), the best of four starts,
        always the same. Fewer than four different texts, or none near enough to a centre, raise an InputError.
        """
        from sklearn.cluster import KMeans  # takes long to import

        with_text = np.flatnonzero(texts.any(axis=1))
        rows = texts[with_text].astype(np.float64)
        different = len(np.unique(rows, axis=0))
        if different < 4:
            raise InputError(
                f"The catalog has {different} different texts, too few for clusters; give more or leave relations out."
            )
        with threadpool_limits(1):  # the order of sums, and with it the clusters, must not depend on the machine
            found = KMeans(number_of_clusters(different), n_init=_STARTS, random_state=_SEED).fit(rows)
        centres = unit_rows(found.cluster_centers_)
        clusters = cls(
            centres, _name_clusters(rows @ centres.T, found.labels_, [names[i] for i in with_text]), min_similarity
        )
        if not any(clusters.attributes(texts)):
            raise InputError(f"No text is as similar as {min_similarity} to the centre of its cluster; lower that.")
        return clusters

    def attributes(self, texts: Float32Array) -> list[dict[Attribute, float]]:
        """The cluster of each text with the cosine to its centre (6 digits), empty where none is near enough."""
        cosine = np.round(texts.astype(np.float64) @ self.centres.T, 6)
        nearest = cosine.argmax(axis=1)
        return [
            {Attribute(CLUSTER, self.names[cluster]): weight} if weight >= self.min_similarity and weight > 0 else {}
            for cluster, weight in zip(nearest.tolist(), cosine.max(axis=1).tolist(), strict=True)
        ]


def number_of_clusters(texts: int) -> int:
    """Number of clusters of so many different texts: the root of half their number, at least 2."""
    return max(round(float(np.sqrt(texts / 2))), 2)


def _name_clusters(cosine: FloatArray, label: IntArray, names: list[str]) -> tuple[str, ...]:
    """The names nearest to each centre; a repeated name gets the number of its cluster."""
    found: list[str] = []
    for cluster in range(cosine.shape[1]):
        members = np.flatnonzero(label == cluster)
        members = members[np.argsort(-cosine[members, cluster], kind="stable")]
        name = " / ".join(list(dict.fromkeys(names[i] for i in members.tolist()))[:_NAMES])
        found.append(name if name not in found else f"{name} ({cluster + 1})")
    return tuple(found)


def check_relations(relations: str | None, min_similarity: float | None) -> None:
    """Raise an InputError for other relations than clusters, and for a similarity outside 0 to 1."""
    if relations is not None and not (isinstance(relations, str) and relations == CLUSTERS):
        raise InputError(
            f"relations is {short(relations)}; give {CLUSTERS!r}, or leave it out for those of the catalog alone."
        )
    if min_similarity is not None and not (is_number(min_similarity) and 0 <= min_similarity <= 1):
        raise InputError(f"min_similarity is {short(min_similarity)}; give a number from 0 to 1.")


def cluster_catalog(
    graph: CatalogGraph, encoded: Encoded, relations: str | None, min_similarity: float | None
) -> tuple[CatalogGraph, Clusters | None]:
    """Add clusters to a catalog if ``relations`` is "clusters"; an InputError without texts or if the name is taken."""
    if relations is None:
        return graph, None
    if encoded.texts is None:
        raise InputError("Clusters are made of texts and none is known; name an encoder, or leave relations out.")
    if has_clusters(graph):
        raise InputError(
            f"The catalog {graph.source!r} has an attribute {CLUSTER!r} already; rename it, or leave relations out."
        )
    found = Clusters.of(encoded.texts, graph.names, MIN_SIMILARITY if min_similarity is None else min_similarity)
    return with_attributes(graph, found.attributes(encoded.texts)), found


def has_clusters(graph: CatalogGraph) -> bool:
    """Whether a catalog has clusters."""
    return any(attribute.name == CLUSTER for attribute in graph.attributes)
