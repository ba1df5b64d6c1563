"""The runner: every method on the same splits, judged by the same metrics, in tidy rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ..graph import CatalogGraph, Interactions
from ..graph.catalog import FloatArray, IntArray
from ..graph.errors import InputError, ModelError
from .cells import array_hash, cell_key, code_hash, data_hash, open_cache, recall
from .metrics import Numbers, ranking_metrics
from .splits import PROTOCOLS, Split, make_split

K = 20
"""Length of the judged list."""

HELD_OUT = "@held-out"
"""Suffix of a metric taken over the users that a method of the run with users of its own is judged on."""

WITHOUT_HISTORY = "@without-history"
"""Suffix of a metric taken over the users without any training purchase left."""


class Method(Protocol):
    """What can be evaluated. It may also be :class:`Configured` or :class:`OwnUsers`."""

    def fit(self, split: Split) -> None:
        """Learn from ``split.train`` and ``split.graph``; settings are chosen on ``inner_split(split, …)`` only."""

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Scores, float (users, targets), higher is better, without NaN.

        Args:
            split: the one it was fitted on.
            users: row numbers of ``split.train``; some of the rows may be empty.
            targets: positions in the graph.
        """


@runtime_checkable
class Configured(Protocol):
    """A method with settings: ``config`` spells out all that changes its results but data, seed and newaisle's code."""

    @property
    def config(self) -> str:
        """The settings, known before ``fit``."""


@runtime_checkable
class OwnUsers(Protocol):
    """A method that learns from the hidden sales of some users and so is judged on others only (the ceiling)."""

    def judged(self, split: Split) -> IntArray:
        """The rows it is judged on, among ``split.users``; known before ``fit``."""


@dataclass(frozen=True)
class ResultRow:
    """One figure of an evaluation, in tidy form.

    Attributes:
        protocol: for example "leave-targets-out".
        seed: of the split and the method.
        method: name of the method.
        metric: for example "ndcg@20"; may end in :data:`HELD_OUT` or :data:`WITHOUT_HISTORY`.
        value: a finite number.
    """

    protocol: str
    seed: int
    method: str
    metric: str
    value: float


def evaluate(
    graph: CatalogGraph,
    interactions: Interactions,
    methods: Mapping[str, Callable[[int], Method]],
    protocols: Sequence[str],
    seeds: Sequence[int],
    *,
    embeddings: Numbers | None = None,
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[ResultRow]:
    """Fit and judge every method on every split.

    A method's plain figures (``ndcg@20``) are over ``split.users``, those ending in ``@without-history`` over
    ``split.users_without_history``, where there are any. A method with users of its own (:class:`OwnUsers`; at most one
    per run) has plain figures over these alone, and every other method gets a second set of figures over them, ending
    in ``@held-out``: these, not the plain ones, can be held against it.

    Args:
        graph: the catalog of n targets and groups.
        interactions: all purchases; those of targets that the graph does not know are left out.
        methods: name in the rows -> what makes the method from the seed.
        protocols: some of :data:`newaisle.gnn.splits.PROTOCOLS`.
        seeds: one split per protocol and seed.
        embeddings: text embeddings of the targets, float (n, d), for the metric ``diversity``.
        cache: folder for finished cells (protocol, seed, method); one is computed again when data, settings or
            newaisle's code changed or when its file is broken.
        progress: is told one line per split and cell.

    Returns:
        Rows in the order of protocols, seeds, methods.

    Raises:
        InputError: an unknown protocol, no split can be made, several methods with users of their own, a cache folder
            that cannot be made.
        ModelError: scores of a wrong shape or NaN, users of its own that nobody judges.
    """
    if unknown := [protocol for protocol in protocols if protocol not in PROTOCOLS]:
        raise InputError(f"Unknown protocol {unknown[0]!r}: use one of {', '.join(PROTOCOLS)}.")
    tell = progress or (lambda _line: None)
    matrix = interactions.matrix(graph)
    data = ""
    if cache is not None:
        open_cache(cache)
        extra = None if embeddings is None else array_hash(embeddings)
        data = cell_key(code_hash(), data_hash(graph, interactions), extra)
    rows: list[ResultRow] = []
    for protocol in dict.fromkeys(protocols):
        for seed in dict.fromkeys(seeds):
            split = make_split(protocol, graph, matrix, seed)
            tell(_describe(split))
            owner, held_out = _held_out({name: make(seed) for name, make in methods.items()}, split)
            for name, make in methods.items():
                started = time.perf_counter()
                method = make(seed)
                judged = {"": held_out} if name == owner else _judged(split, held_out)
                cell = partial(_cell, name, method, split, judged, embeddings)
                if cache is None:
                    metrics = cell()
                else:
                    key = cell_key(data, protocol, seed, name, _settings(method), array_hash(held_out))
                    metrics = recall(cache, key, {"protocol": protocol, "seed": seed, "method": name}, cell)
                seconds = time.perf_counter() - started
                tell(f"{protocol}, seed {seed}, {name}: NDCG@{K} {metrics[f'ndcg@{K}']:.4f} ({seconds:.1f} s)")
                rows.extend(ResultRow(protocol, seed, name, metric, value) for metric, value in metrics.items())
    return rows


def _describe(split: Split) -> str:
    return (
        f"{split.protocol}, seed {split.seed}: {len(split.candidates):,} candidates, {len(split.users):,} users judged "
        f"and {len(split.users_without_history):,} without history"
    )


def _held_out(methods: Mapping[str, Method], split: Split) -> tuple[str | None, IntArray]:
    """The method with users of its own and these users; None and nobody if there is no such method."""
    owners = {name: method for name, method in methods.items() if isinstance(method, OwnUsers)}
    if not owners:
        return None, np.empty(0, dtype=np.int64)
    if len(owners) > 1:
        raise InputError(f"The methods {', '.join(owners)} have users of their own; evaluate one of them per run.")
    name, method = owners.popitem()
    users = method.judged(split)
    if not len(users) or not np.isin(users, split.users).all():
        raise ModelError(f"The method {name!r} wants to be judged on other users than those with a hit and a history.")
    return name, users


def _judged(split: Split, held_out: IntArray) -> dict[str, IntArray]:
    """Metric suffix -> the users it is taken over."""
    groups = {"": split.users, HELD_OUT: held_out, WITHOUT_HISTORY: split.users_without_history}
    return {suffix: users for suffix, users in groups.items() if len(users)}


def _settings(method: Method) -> str:
    kind = f"{type(method).__module__}.{type(method).__qualname__}"
    return f"{kind} {method.config}" if isinstance(method, Configured) else kind


def _cell(
    name: str, method: Method, split: Split, judged: Mapping[str, IntArray], embeddings: Numbers | None
) -> dict[str, float]:
    method.fit(split)
    everyone = np.unique(np.concatenate(list(judged.values())))
    scores = method.score(split, everyone, split.candidates)
    shape = (len(everyone), len(split.candidates))
    if scores.shape != shape or np.isnan(scores).any():
        raise ModelError(
            f"The method {name!r} gave scores of the shape {scores.shape} with {int(np.isnan(scores).sum()):,} NaN for "
            f"{shape[0]:,} users and {shape[1]:,} candidates ({split.protocol}, seed {split.seed})."
        )
    relevance = split.test[:, split.candidates]
    buyers = np.bincount(relevance.indices, minlength=relevance.shape[1])
    metrics: dict[str, float] = {}
    for suffix, users in judged.items():
        figures = ranking_metrics(
            scores[np.searchsorted(everyone, users)],
            relevance[users],
            K,
            activity=np.diff(split.train.indptr)[users],
            buyer_share=buyers / relevance.shape[0],
            embeddings=None if embeddings is None else embeddings[split.candidates],
        )
        metrics |= {metric + suffix: value for metric, value in figures.items()}
    return metrics
