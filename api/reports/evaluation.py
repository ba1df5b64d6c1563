"""Evaluation of a source: catalogs, methods and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...display import short_repr
from ...errors import InputError
from ...gnn.evaluation.comparison import Comparison, Summary, differences, summary_table
from ...gnn.evaluation.contracts import Make
from ...gnn.evaluation.methods.newaisle import Newaisle
from ...gnn.evaluation.methods.registry import compared_methods
from ...gnn.evaluation.protocols.names import TEMPORAL, argument, expand, family, hiding
from ...gnn.evaluation.protocols.temporal import events_before
from ...gnn.evaluation.runner import ResultRow, SplitResult, evaluate_splits
from ...gnn.text.catalog import Encoded, encode_catalog
from ...gnn.text.clusters import cluster_catalog
from ...gnn.validation.splits import PROTOCOLS, obstacle
from ...graph import CatalogGraph, Interactions
from ...graph.catalog.derive import without
from ...graph.event_weights import WeightedHistory
from ...graph.frames import Table, to_frame
from ...graph.groups import with_groups
from ...loaders.vectors import read_vectors
from ...progress import Progress
from .options import EvaluationOptions
from .tables import figures


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results of an evaluation, one per protocol and seed; ``left_out`` has default protocols not allowed -> why."""

    source: str
    graph: CatalogGraph
    history: Interactions
    options: EvaluationOptions
    left_out: Mapping[str, str]
    results: Sequence[SplitResult]

    __repr__ = short_repr

    @cached_property
    def rows(self) -> list[ResultRow]:
        """All figures in tidy form."""
        return [row for result in self.results for row in result.rows]

    @cached_property
    def summary(self) -> list[Summary]:
        """The figures as means over seeds."""
        return summary_table(self.rows)

    @cached_property
    def differences(self) -> list[Comparison]:
        """Newaisle minus every other method, all metrics, paired on the same splits."""
        return differences(self.rows, Newaisle.name)

    def where(self, keep: Callable[[SplitResult], bool]) -> Evaluation:
        """The evaluation with some of its results only."""
        return replace(self, results=[result for result in self.results if keep(result)])

    @property
    def tables(self) -> dict[str, Table]:
        """Title -> a row per method, mean ± standard error, as a table of the history's library."""
        return {
            title: to_frame(dict(zip(columns, map(list, zip(*lines, strict=True)), strict=True)), self.history.backend)
            for title, (columns, lines) in figures(self.summary).items()
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
    options: EvaluationOptions | None = None,
    *,
    source: str | None = None,
    as_of: Callable[[str], CatalogGraph] | None = None,
    models: Mapping[str, Make] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare newaisle with all baselines on one catalog.

    Args:
        graph: the whole catalog; targets are hidden by it even where methods may not know all of it.
        history: all interactions.
        options: None for the defaults.
        source: what to call the data; None for the source that the graph names.
        as_of: gives the catalog as it was on a date, for ``temporal``; None takes it as it is now.
        models: further methods, by name.
        progress: receives one line per result.

    Raises:
        InputError: a protocol that the catalog does not allow, a name that cannot be dropped or is taken, bad vectors,
            no texts for clusters, or no split can be made.
        SourceError: a file of vectors cannot be read.
    """
    options, graph = options or EvaluationOptions(), with_groups(graph, history)
    if options.users is not None:
        history = history.sample_users(options.users)
    report = progress or (lambda _line: None)
    protocols, left_out = _applicable(graph, history, options, report)
    vectors = read_vectors(options.vectors, graph.ids)
    dropped = [name for name in options.drop if vectors.pop(name, None) is None]
    encoded = encode_catalog(graph, options.encoder, options.encodings, progress)
    texts = Encoded() if "text" in options.drop else encoded
    results: list[SplitResult] = []
    for catalog, names in _catalogs(graph, as_of, protocols, report):
        known = without(catalog, dropped) if dropped else catalog
        known, _ = cluster_catalog(known, texts, options.relations, options.min_similarity)
        methods: dict[str, Make] = {}
        if options.baselines:
            methods = compared_methods(known, texts.texts, texts.names, vectors, ablate=options.ablate)
        if taken := sorted(methods.keys() & (models or {})):
            raise InputError(f"{taken[0]!r} is the name of a method of newaisle; give your model another one.")
        results += evaluate_splits(
            catalog,
            history,
            methods | dict(models or {}),
            names,
            options.seeds,
            embeddings=encoded.texts,
            cache=options.results_folder,
            jobs=options.jobs,
            progress=progress,
            kinds=options.kinds,
        )
    results.sort(key=lambda result: protocols.index(result.protocol))
    return Evaluation(graph.source if source is None else source, graph, history, options, left_out, results)


def _catalogs(
    graph: CatalogGraph, as_of: Callable[[str], CatalogGraph] | None, protocols: Sequence[str], report: Progress
) -> Iterator[tuple[CatalogGraph, list[str]]]:
    dated = [protocol for protocol in protocols if family(protocol) == TEMPORAL]
    if dated and as_of is None:
        report("The source has no catalog as of that date, so features stay as they are now.")
        dated = []
    if usual := [protocol for protocol in protocols if protocol not in dated]:
        yield graph, usual
    for protocol in dated:
        if as_of is not None:
            yield as_of(argument(protocol)), [protocol]


def _applicable(
    graph: CatalogGraph, history: Interactions, options: EvaluationOptions, report: Progress
) -> tuple[list[str], dict[str, str]]:
    """The protocols to run, and the default ones that do not apply, with the reason."""
    matrix = WeightedHistory.of(history, graph, options.kinds).bought
    names = expand(options.protocols or PROTOCOLS)
    reasons = {protocol: obstacle(hiding(protocol), graph, matrix) for protocol in names}
    for protocol in reasons:
        if family(protocol) == TEMPORAL:
            events_before(history, argument(protocol))  # raises at once where the date is wrong
    left_out = {protocol: reason for protocol, reason in reasons.items() if reason is not None}
    if left_out and (options.protocols or len(left_out) == len(reasons)):
        raise InputError(next(iter(left_out.values())))
    for protocol, reason in left_out.items():
        report(f"{protocol} does not apply and is left out. {reason}")
    return [protocol for protocol in reasons if protocol not in left_out], left_out
