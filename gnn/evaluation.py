"""The runner: every method on the same splits, judged by the same metrics, in tidy rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import scipy.sparse as sp

from ..graph import CatalogGraph, Interactions
from .cells import Cell, array_hash, cell_key, code_hash, data_hash, open_cache, recall
from .judging import Configured, K, Method, held_out, judge, user_groups
from .metrics import Numbers
from .processes import Tell, spread
from .splits import Split, check_protocol, make_split


@dataclass(frozen=True)
class ResultRow:
    """One figure of an evaluation, in tidy form.

    Attributes:
        protocol: for example "leave-targets-out".
        seed: of the split and the method.
        method: name of the method.
        metric: for example "ndcg@20"; may end in ``@held-out`` or ``@without-history``.
        value: a finite number.
    """

    protocol: str
    seed: int
    method: str
    metric: str
    value: float


@dataclass(frozen=True)
class SplitResult:
    """What all methods reached on one split.

    Attributes:
        protocol: how targets were hidden.
        seed: of the split and the methods.
        counts: how many targets were ``seen`` and ``hidden`` and how many of these ``candidates``; how many ``users``
            were judged, and how many ``users_without_history``.
        cells: what each method reached, by name.
    """

    protocol: str
    seed: int
    counts: Mapping[str, int]
    cells: Mapping[str, Cell]

    @property
    def rows(self) -> list[ResultRow]:
        """Its figures in tidy form."""
        return [
            ResultRow(self.protocol, self.seed, method, metric, value)
            for method, cell in self.cells.items()
            for metric, value in cell.metrics.items()
        ]


def evaluate(
    graph: CatalogGraph,
    interactions: Interactions,
    methods: Mapping[str, Callable[[int], Method]],
    protocols: Sequence[str],
    seeds: Sequence[int],
    *,
    embeddings: Numbers | None = None,
    cache: Path | None = None,
    jobs: int = 1,
    progress: Tell | None = None,
) -> list[ResultRow]:
    """The rows of :func:`evaluate_splits`, which takes and raises the same."""
    results = evaluate_splits(
        graph, interactions, methods, protocols, seeds, embeddings=embeddings, cache=cache, jobs=jobs, progress=progress
    )
    return [row for result in results for row in result.rows]


def evaluate_splits(
    graph: CatalogGraph,
    interactions: Interactions,
    methods: Mapping[str, Callable[[int], Method]],
    protocols: Sequence[str],
    seeds: Sequence[int],
    *,
    embeddings: Numbers | None = None,
    cache: Path | None = None,
    jobs: int = 1,
    progress: Tell | None = None,
) -> list[SplitResult]:
    """Fit and judge every method on every split.

    A method's plain figures (``ndcg@20``) are over ``split.users``, those ending in ``@without-history`` over
    ``split.users_without_history``, where there are any. A method with users of its own
    (:class:`newaisle.gnn.judging.OwnUsers`; at most one per run) has plain figures over these alone, and every other
    method gets a second set of figures over them, ending in ``@held-out``: these, not the plain ones, can be held
    against it.

    Args:
        graph: the catalog of n targets and groups.
        interactions: all purchases; those of targets that the graph does not know are left out.
        methods: name in the rows -> what makes the method from the seed.
        protocols: some of :data:`newaisle.gnn.splits.PROTOCOLS`.
        seeds: one split per protocol and seed.
        embeddings: text embeddings of the targets, float (n, d), for the metric ``diversity``.
        cache: folder for finished cells (protocol, seed, method); one is computed again when data, settings or
            newaisle's code changed or when its file is broken.
        jobs: how many splits are worked on at the same time, each in a process of its own with one thread. The figures
            are the same to the last bit; :func:`newaisle.gnn.processes.spread` says what more than one job needs.
        progress: is told one line per split and cell.

    Returns:
        In the order of protocols and seeds, the cells of each in the order of the methods.

    Raises:
        InputError: an unknown protocol, no split can be made, several methods with users of their own, a cache folder
            that cannot be made.
        ModelError: scores of a wrong shape or NaN, users of its own that nobody judges.
    """
    for protocol in protocols:
        check_protocol(protocol)
    data = ""
    if cache is not None:
        open_cache(cache)
        extra = None if embeddings is None else array_hash(embeddings)
        data = cell_key(code_hash(), data_hash(graph, interactions), extra)
    run = _Run(graph, interactions.matrix(graph), methods, embeddings, cache, data)
    splits = [(protocol, seed) for protocol in dict.fromkeys(protocols) for seed in dict.fromkeys(seeds)]
    return spread(run.split, splits, jobs, progress or (lambda _line: None))


@dataclass(frozen=True, eq=False)
class _Run:
    """What the splits of an evaluation share."""

    graph: CatalogGraph
    matrix: sp.csr_array
    methods: Mapping[str, Callable[[int], Method]]
    embeddings: Numbers | None
    cache: Path | None
    data: str

    def split(self, which: tuple[str, int], tell: Tell) -> SplitResult:
        """Fit and judge all methods on the split of a protocol and a seed."""
        protocol, seed = which
        split = make_split(protocol, self.graph, self.matrix, seed)
        tell(_describe(split))
        owner, held = held_out({name: make(seed) for name, make in self.methods.items()}, split)
        cells: dict[str, Cell] = {}
        for name, make in self.methods.items():
            started = time.perf_counter()
            method = make(seed)
            groups = {"": held} if name == owner else user_groups(split, held)
            compute = partial(judge, name, method, split, groups, self.embeddings)
            if self.cache is None:
                cells[name] = compute()
            else:
                key = cell_key(self.data, protocol, seed, name, _settings(method), array_hash(held))
                cells[name] = recall(self.cache, key, {"protocol": protocol, "seed": seed, "method": name}, compute)
            figure, seconds = cells[name].metrics[f"ndcg@{K}"], time.perf_counter() - started
            tell(f"{protocol}, seed {seed}, {name}: NDCG@{K} {figure:.4f} ({seconds:.1f} s)")
        return SplitResult(protocol, seed, _counts(split), cells)


def _counts(split: Split) -> dict[str, int]:
    names = ("seen", "hidden", "candidates", "users", "users_without_history")
    return {name: len(getattr(split, name)) for name in names}


def _describe(split: Split) -> str:
    return (
        f"{split.protocol}, seed {split.seed}: {len(split.candidates):,} candidates, {len(split.users):,} users judged "
        f"and {len(split.users_without_history):,} without history"
    )


def _settings(method: Method) -> str:
    kind = f"{type(method).__module__}.{type(method).__qualname__}"
    return f"{kind} {method.config}" if isinstance(method, Configured) else kind
