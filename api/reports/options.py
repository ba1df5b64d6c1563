"""The options of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...arguments import check_seed
from ...errors import InputError
from ...gnn.evaluation.protocols.names import expand
from ...gnn.text.clusters import check_relations
from ...gnn.text.weights import PACKAGED
from ...loaders.vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What an evaluation compares, and what its methods may know.

    Attributes:
        protocols: some of :data:`newaisle.gnn.evaluation.protocols.names.GRAMMAR`; None for ``leave-targets-out`` and
            ``leave-branches-out`` as far as the catalog allows them.
        seeds: one split per protocol and seed.
        users: size of the random part of users to judge; None for all.
        drop: features, attributes, relations, kinds of vectors or ``text`` that no method may know.
        vectors: further modalities, as :meth:`newaisle.Recommender.fit` takes them.
        relations: "clusters" adds clusters of texts, as in :class:`newaisle.Recommender`.
        min_similarity: least cosine of a text and the centre of its cluster; None for 0.6.
        kinds: event kind -> weight, before :data:`newaisle.graph.reading.kinds.WELL_KNOWN`; pairs above 0 are bought.
        baselines: whether newaisle and all registered baselines run.
        ablate: whether newaisle runs without each of its parts too, and the strongest baseline with all of them.
        encoder: text encoder, None for none.
        encodings: file that caches text embeddings.
        results_folder: folder that caches finished results, so that a stopped run resumes.
        jobs: number of processes; above 1, scripts need ``if __name__ == "__main__":``. Figures do not depend on it.

    Raises:
        InputError: an unknown protocol, no seed or a negative one, or bad options of clusters.
    """

    protocols: Sequence[str] | None = None
    seeds: Sequence[int] = (0, 1, 2)
    users: int | None = None
    drop: Sequence[str] = ()
    vectors: Vectors | None = None
    relations: str | None = None
    min_similarity: float | None = None
    kinds: Mapping[str, float] | None = None
    baselines: bool = True
    ablate: bool = False
    encoder: str | None = PACKAGED
    encodings: Path | None = None
    results_folder: Path | None = None
    jobs: int = 1

    def __post_init__(self) -> None:
        check_relations(self.relations, self.min_similarity)
        expand(self.protocols or ())
        if not len(self.seeds):
            raise InputError("There is no seed to evaluate with; give at least one.")
        for seed in self.seeds:
            check_seed(seed)

    @property
    def flags(self) -> list[str]:
        """Flags of ``newaisle evaluate`` for vectors and clusters, word by word."""
        words = []
        for name, table in (self.vectors or {}).items():
            words += ["--vectors", f"{name}={table if isinstance(table, str | Path) else 'FILE.parquet'}"]
        words += [] if self.relations is None else ["--relations", self.relations]
        return words + ([] if self.min_similarity is None else ["--min-similarity", str(self.min_similarity)])
