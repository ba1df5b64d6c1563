"""The runner: every method on the same splits, judged by the same metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache as once
from functools import partial
from itertools import chain
from pathlib import Path

from ...arrays import AnyFloatArray
from ...display import short_repr
from ...graph import CatalogGraph, Interactions
from ...graph.event_weights import WeightedHistory
from ...progress import Progress
from ..parallel.local import run_parallel
from ..validation.metrics import K
from ..validation.splits import make_split
from .cache import MethodResult, ResultCache
from .contracts import Make
from .protocols.few_shot import few_shot_run
from .protocols.generalised import generalised_run, generalised_split
from .protocols.names import FEW_SHOT, GENERALISED, TEMPORAL, argument, expand, family, hiding
from .protocols.temporal import temporal_split
from .protocols.zero_shot import Judge, ProtocolRun, zero_shot_run


@dataclass(frozen=True)
class ResultRow:
    """One finite figure in tidy form; ``metric`` may end in ``@held-out`` or ``@without-history``."""

    protocol: str
    seed: int
    method: str
    metric: str
    value: float


@dataclass(frozen=True)
class SplitResult:
    """The results of all methods on one split, by name.

    ``counts`` has the numbers of ``seen`` and ``hidden`` targets, ``candidates``, ``users`` judged and
    ``users_without_history``.
    """

    protocol: str
    seed: int
    counts: Mapping[str, int]
    by_method: Mapping[str, MethodResult]

    __repr__ = short_repr

    @property
    def rows(self) -> list[ResultRow]:
        """Its figures in tidy form."""
        return [
            ResultRow(self.protocol, self.seed, method, metric, value)
            for method, result in self.by_method.items()
            for metric, value in result.metrics.items()
        ]


def evaluate_splits(
    graph: CatalogGraph,
    interactions: Interactions,
    methods: Mapping[str, Make],
    protocols: Sequence[str],
    seeds: Sequence[int],
    *,
    embeddings: AnyFloatArray | None = None,
    cache: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    kinds: Mapping[str, float] | None = None,
) -> list[SplitResult]:
    """Fit and judge every method on every split; one result per protocol and seed, in this order.

    Plain figures (``ndcg@20``) are over ``split.users``, those ending in ``@without-history`` over
    ``split.users_without_history``. A method with users of its own
    (:class:`newaisle.gnn.evaluation.contracts.OwnUsers`; at most one per run) has plain figures over these alone, the
    others further ones over them, ending in ``@held-out``.
    ``protocols`` are some of :data:`newaisle.gnn.evaluation.protocols.names.GRAMMAR`. Pairs of ``interactions`` that
    weigh more than 0 are purchases; ``kinds`` weigh events before :data:`newaisle.graph.reading.kinds.WELL_KNOWN`.
    ``embeddings`` of texts, float (n, d), define ``diversity``; ``cache`` is a folder for finished results. The figures
    do not depend on ``jobs``, the number of processes.

    Raises:
        InputError: an unknown protocol, one that cannot split this catalog, several methods with users of their own.
        ModelError: a method gave scores of a wrong shape or NaN, or wants users that are not judged.
    """
    names = expand(protocols)
    results = ResultCache() if cache is None else ResultCache.open(cache, graph, interactions, embeddings, kinds or {})
    history = WeightedHistory.of(interactions, graph, kinds)
    evaluation = _Evaluation(graph, interactions, dict(kinds or {}), history, methods, embeddings, results)
    runs = [(group, seed) for group in _sharing(names) for seed in dict.fromkeys(seeds)]
    found = run_parallel(evaluation.run, runs, jobs, progress or (lambda _line: None))
    return sorted(chain.from_iterable(found), key=lambda result: names.index(result.protocol))  # seeds stay in order


def _sharing(protocols: Sequence[str]) -> list[tuple[str, ...]]:
    """Protocols grouped by what one fit serves."""
    few_shot = tuple(protocol for protocol in protocols if family(protocol) == FEW_SHOT)
    return list(dict.fromkeys(few_shot if protocol in few_shot else (protocol,) for protocol in protocols))


@dataclass(frozen=True, eq=False)
class _Evaluation:
    graph: CatalogGraph
    interactions: Interactions
    kinds: Mapping[str, float]
    history: WeightedHistory
    methods: Mapping[str, Make]
    embeddings: AnyFloatArray | None
    cache: ResultCache

    def run(self, which: tuple[tuple[str, ...], int], progress: Progress) -> list[SplitResult]:
        protocols, seed = which
        protocol_run = self._start(protocols, seed)
        progress(_describe(protocol_run, seed))
        by_method: dict[str, dict[str, MethodResult]] = {protocol: {} for protocol in protocols}
        for name, make in protocol_run.methods.items():
            method = make(seed)
            fit = once(partial(method.fit, protocol_run.split))  # for the first result that is not cached
            for (protocol, row), judge in protocol_run.judgements(name, method).items():
                started = time.perf_counter()
                about: dict[str, str | int] = {"protocol": protocol, "seed": seed, "method": row}
                result = self.cache.result(about, method, protocol_run.held, partial(_compute, fit, judge))
                by_method[protocol][row] = result
                figure, seconds = result.metrics[f"ndcg@{K}"], time.perf_counter() - started
                progress(f"{protocol}, seed {seed}, {row}: NDCG@{K} {figure:.4f} ({seconds:.1f} s)")
        return [SplitResult(each, seed, protocol_run.counts[each], by_method[each]) for each in protocols]

    def _start(self, protocols: tuple[str, ...], seed: int) -> ProtocolRun:
        protocol, bought, signed = protocols[0], self.history.bought, self.history.signed
        if protocol == GENERALISED:
            split = generalised_split(self.graph, bought, seed, signed)
            return generalised_run(protocol, split, self.methods, seed, self.embeddings)
        if family(protocol) == TEMPORAL:
            split = temporal_split(self.graph, self.interactions, argument(protocol), seed, self.kinds)
        else:
            split = make_split(hiding(protocol), self.graph, bought, seed, signed=signed)
        if family(protocol) == FEW_SHOT:
            return few_shot_run(protocols, split, self.methods, seed, self.embeddings)
        return zero_shot_run(protocol, split, self.methods, seed, self.embeddings)


def _compute(fit: Callable[[], None], judge: Judge) -> MethodResult:
    fit()
    return judge()


def _describe(protocol_run: ProtocolRun, seed: int) -> str:
    protocol, counts = next(iter(protocol_run.counts.items()))
    return (
        f"{family(protocol)}, seed {seed}: {counts['candidates']:,} candidates, {counts['users']:,} users judged "
        f"and {counts['users_without_history']:,} without history"
    )
