"""Evaluation of a source: what may be known, which methods, and the tables people read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import InputError
from ...gnn.evaluation.methods.registry import compared_methods
from ...gnn.evaluation.protocols.names import TEMPORAL, argument, expand, family, hiding
from ...gnn.evaluation.protocols.temporal import events_before
from ...gnn.evaluation.protocols.zero_shot import Make
from ...gnn.evaluation.runner import ResultRow, SplitResult, evaluate_splits
from ...gnn.text.catalog import Encoded, encode_catalog
from ...gnn.text.clusters import check_relations, cluster_catalog
from ...gnn.text.encoder import PACKAGED
from ...gnn.validation.splits import PROTOCOLS, obstacle
from ...graph import CatalogGraph, Interactions
from ...graph.catalog.derive import without
from ...graph.event_weights import WeightedHistory
from ...graph.frames import Table, to_frame
from ...loaders.vectors import Vectors, read_vectors
from ...progress import Progress
from .tables import figures


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An evaluation: what was asked for, of what, and what came out.

    Attributes:
        source: what the data are called.
        graph: the whole catalog.
        history: the interactions that were judged.
        users: size of the random part of the users that was asked for; None for all.
        dropped: what no method knew.
        ablate: whether newaisle ran without parts of itself too.
        encoder: name of the text encoder, None for none.
        left_out: protocols that the catalog does not allow -> why.
        results: one per protocol and seed.
        options: further options of the command line: what else was known of targets.
    """

    source: str
    graph: CatalogGraph
    history: Interactions
    users: int | None
    dropped: Sequence[str]
    ablate: bool
    encoder: str | None
    left_out: Mapping[str, str]
    results: Sequence[SplitResult]
    options: Sequence[str] = ()

    @property
    def rows(self) -> list[ResultRow]:
        """All figures in tidy form."""
        return [row for result in self.results for row in result.rows]

    def where(self, keep: Callable[[SplitResult], bool]) -> Evaluation:
        """The evaluation with some of its results only."""
        return replace(self, results=[result for result in self.results if keep(result)])

    @property
    def tables(self) -> dict[str, Table]:
        """The figures for people, in the library of the history: title -> a row per method, mean ± standard error."""
        return {
            title: to_frame(dict(zip(columns, map(list, zip(*lines, strict=True)), strict=True)), self.history.backend)
            for title, (columns, lines) in figures(self.rows).items()
        }

    @property
    def protocols(self) -> list[str]:
        """The protocols that ran, in order."""
        return list(dict.fromkeys(result.protocol for result in self.results))

    @property
    def seeds(self) -> list[int]:
        """The seeds of the splits, in order."""
        return list(dict.fromkeys(result.seed for result in self.results))


def evaluate_source(
    graph: CatalogGraph,
    history: Interactions,
    *,
    source: str | None = None,
    protocols: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    users: int | None = None,
    drop: Sequence[str] = (),
    as_of: Callable[[str], CatalogGraph] | None = None,
    vectors: Vectors | None = None,
    relations: str | None = None,
    min_similarity: float | None = None,
    ablate: bool = False,
    encoder: str | None = PACKAGED,
    encodings: Path | None = None,
    results_folder: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    models: Mapping[str, Make] | None = None,
    baselines: bool = True,
    kinds: Mapping[str, float] | None = None,
) -> Evaluation:
    """Compare newaisle with all baselines on one catalog.

    Args:
        graph: the whole catalog; targets are hidden by it even where methods may not know all of it.
        history: all interactions.
        source: what to call the data; None for the source that the graph names.
        protocols: some of :data:`newaisle.gnn.evaluation.protocols.names.GRAMMAR`; None for ``leave-targets-out`` and
            ``leave-branches-out`` as far as the catalog allows them.
        seeds: one split per protocol and seed.
        users: judge a random part of so many users only.
        drop: features, attributes, relations, kinds of vectors or ``text`` that no method may know.
        as_of: gives the catalog as it was on a date, for ``temporal``; None takes it as it is now.
        vectors: what else newaisle and the baselines know of targets, as :meth:`newaisle.Recommender.fit` takes it.
        relations: "clusters" gives newaisle and the baselines clusters of texts, as in :class:`newaisle.Recommender`.
        min_similarity: least cosine of a text and the centre of its cluster; None for 0.6.
        ablate: add newaisle without each part once, and the strongest baseline with all of them.
        encoder: text encoder, None for none.
        encodings: file that keeps text embeddings.
        results_folder: folder that keeps finished cells, so that a stopped run resumes.
        jobs: number of processes; the figures do not depend on it. A script that asks for more than one needs the
            usual ``if __name__ == "__main__":``.
        progress: is told one line per cell.
        models: further methods, by name.
        baselines: whether newaisle and all baselines run too.
        kinds: what events of a kind weigh, before :data:`newaisle.graph.event_weights.WELL_KNOWN`.

    Raises:
        InputError: an unknown protocol or one that the catalog does not allow, a name that cannot be dropped, a further
            method with the name of another one, vectors that cannot be used, no texts for clusters, or no split can be
            made.
        SourceError: a file of vectors cannot be read.
    """
    check_relations(relations, min_similarity)
    if users is not None:
        history = history.sample_users(users)
    report = progress or (lambda _line: None)
    chosen, left_out = _applicable(graph, history, kinds, protocols, report)
    given = read_vectors(vectors, graph.ids)
    dropped = [name for name in drop if given.pop(name, None) is None]
    encoded = encode_catalog(graph, encoder, encodings, progress)
    told = Encoded() if "text" in drop else encoded
    results: list[SplitResult] = []
    for catalog, names in _catalogs(graph, as_of, chosen, report):
        known = without(catalog, dropped) if dropped else catalog
        known, _ = cluster_catalog(known, told, relations, min_similarity)
        methods = compared_methods(known, told.texts, told.names, given, ablate=ablate) if baselines else {}
        if taken := sorted(methods.keys() & (models or {})):
            raise InputError(f"{taken[0]!r} is the name of a method of newaisle; give your model another one.")
        methods |= models or {}
        results += evaluate_splits(
            catalog,
            history,
            methods,
            names,
            seeds,
            embeddings=encoded.texts,
            cache=results_folder,
            jobs=jobs,
            progress=progress,
            kinds=kinds,
        )
    results.sort(key=lambda result: chosen.index(result.protocol))
    called = graph.source if source is None else source
    options = [f"--vectors {name}={_file(table)}" for name, table in (vectors or {}).items()]
    options += [] if relations is None else [f"--relations {relations}"]
    options += [] if min_similarity is None else [f"--min-similarity {min_similarity}"]
    return Evaluation(called, graph, history, users, tuple(drop), ablate, encoder, left_out, results, options)


def _file(table: Table | str | Path) -> str:
    return str(table) if isinstance(table, str | Path) else "FILE.parquet"


def _catalogs(
    graph: CatalogGraph, as_of: Callable[[str], CatalogGraph] | None, protocols: Sequence[str], report: Progress
) -> Iterator[tuple[CatalogGraph, list[str]]]:
    """The catalogs that methods may know, each with the protocols that it is for."""
    dated = [protocol for protocol in protocols if family(protocol) == TEMPORAL]
    if dated and as_of is None:
        report("The source does not say what its catalog was like before that date, so features stay as they are now.")
        dated = []
    if usual := [protocol for protocol in protocols if protocol not in dated]:
        yield graph, usual
    for protocol in dated:
        if as_of is not None:
            yield as_of(argument(protocol)), [protocol]


def _applicable(
    graph: CatalogGraph,
    history: Interactions,
    kinds: Mapping[str, float] | None,
    protocols: Sequence[str] | None,
    report: Progress,
) -> tuple[list[str], dict[str, str]]:
    """The protocols to run, and those that were not asked for by name and do not apply, with the reason."""
    matrix = WeightedHistory.of(history, graph, kinds).bought
    reasons = {protocol: obstacle(hiding(protocol), graph, matrix) for protocol in expand(protocols or PROTOCOLS)}
    for protocol in reasons:
        if family(protocol) == TEMPORAL:
            events_before(history, argument(protocol))  # tells at once what is wrong with the date
    left_out = {protocol: reason for protocol, reason in reasons.items() if reason is not None}
    if left_out and (protocols or len(left_out) == len(reasons)):
        raise InputError(next(iter(left_out.values())))
    for protocol, reason in left_out.items():
        report(f"{protocol} does not apply and is left out. {reason}")
    return [protocol for protocol in reasons if protocol not in left_out], left_out
