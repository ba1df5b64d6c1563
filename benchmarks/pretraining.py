"""New products ranked from few labelled ones, with and without self-supervised pre-training of phi on the graph.

    python benchmarks/pretraining.py [--seeds 20,21,22] [--labels 10,30,100,300] [--steps 2000]

Complete Journey's products; a product is labelled if its purchases are known. Of every department the first 10, 30, 100
or 300 products of a random order are, all others are hidden, and the products of the new-products split are ranked
(NDCG@20) with given settings. Pre-training needs no purchase: from its texts and all its other neighbours in the graph
a product must be told which category, brand or manufacturer was masked, among those of the other products of the batch
(InfoNCE, van den Oord, Li and Vinyals 2018). The learned vectors are one more block of the kernel.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from newaisle import CatalogGraph, load
from newaisle.api.settings import Settings
from newaisle.arrays import FloatArray, IntArray
from newaisle.gnn.evaluation.comparison import summary_table
from newaisle.gnn.evaluation.runner import ResultRow
from newaisle.gnn.factors.als import Factors, fit_factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.prior.kernel import KernelRegressor, KernelSettings
from newaisle.gnn.propagation.features import FeatureBlocks, FeatureKind
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.catalog import encode_catalog
from newaisle.gnn.text.weights import PACKAGED
from newaisle.gnn.training.folds import START_RIDGE, START_WIDTH, start_kernel
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import MIN_BUYERS, NEW_PRODUCTS, Split, buyers, entries, make_split

FACTORS = FactorSettings(rank=32, alpha=5.0, regularization=10.0)
DIMENSIONS, BATCH, TEMPERATURE, LEARNING_RATE = 64, 1024, 0.1, 3e-3
WEIGHTS = (1.0, 4.0)
"""What the learned block weighs beside the others."""


def main() -> None:
    """Pre-train once, then rank with ever more labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="20,21,22", help="default: %(default)s")
    parser.add_argument("--labels", default="10,30,100,300", help="per department (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=2000, help="of pre-training (default: %(default)s)")
    given = parser.parse_args()
    loaded = load("complete-journey?products")
    graph, history = loaded.graph, loaded.interactions
    if history is None:
        raise SystemExit("Complete Journey has no sales.")
    encoded = encode_catalog(graph, PACKAGED, Settings().encodings)
    blocks, matrix = propagate(graph, encoded.texts, encoded.names), history.matrix(graph)
    learned = pretrain(blocks, np.flatnonzero(graph.is_product), given.steps)
    rich = FeatureBlocks({**blocks.matrices, "learned": learned}, {**blocks.kinds, "learned": FeatureKind.MODALITY})
    rows: list[ResultRow] = []
    for seed in map(int, given.seeds.split(",")):
        split = make_split(NEW_PRODUCTS, graph, matrix, seed)
        order = in_turn(graph, split, seed)
        for count in map(int, given.labels.split(",")):
            labelled = np.sort(np.concatenate([part[:count] for part in order]))
            factors = fit_factors(sales_of(split, labelled), FACTORS, 0)
            start = start_kernel(blocks, START_WIDTH, START_RIDGE)
            figures = {"without": ranked(blocks, start, split, labelled, factors)}
            for weight in WEIGHTS:
                kernel = replace(start, weights={**start.weights, "learned": weight * START_WIDTH})
                figures[f"with, weight {weight:g}"] = ranked(rich, kernel, split, labelled, factors)
            for name, value in figures.items():
                rows.append(ResultRow(f"{count} labels", seed, name, "ndcg@20", value))
                print(f"seed {seed}, {count} labels ({len(labelled):,} products), {name}: {value:.4f}", flush=True)
    for line in summary_table(rows):
        error = "" if line.standard_error is None else f" ± {line.standard_error:.4f}"
        print(f"{line.protocol:12} {line.method:16} {line.mean:.4f}{error}")


def pretrain(blocks: FeatureBlocks, products: IntArray, steps: int) -> FloatArray:
    """Unit vectors of all targets and groups, learned by telling masked neighbours, float64 (n, 64)."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    texts = [
        block for name, block in blocks.matrices.items() if blocks.kinds[name] in (FeatureKind.TEXT, FeatureKind.NAME)
    ]
    relations = [block for block in blocks.matrices.values() if sp.issparse(block)]
    words = torch.from_numpy(np.hstack(texts).astype(np.float32))
    edges = sp.csr_array(sp.hstack(relations, format="csr"))
    read = nn.Linear(words.shape[1], DIMENSIONS)
    values = nn.Embedding(edges.shape[1], DIMENSIONS)
    nn.init.normal_(values.weight, std=0.1)
    optimizer = torch.optim.Adam([*read.parameters(), *values.parameters()], lr=LEARNING_RATE)
    for step in range(steps):
        batch = random.choice(products, BATCH, replace=False)
        rows = edges[batch]
        masked = rows.indptr[:-1] + (random.random(BATCH) * np.diff(rows.indptr)).astype(np.int64)
        wanted, weight = torch.from_numpy(rows.indices[masked].astype(np.int64)), rows.data[masked]
        near = torch.zeros(BATCH, DIMENSIONS).index_add(
            0,
            torch.from_numpy(np.repeat(np.arange(BATCH), np.diff(rows.indptr))),
            values(torch.from_numpy(rows.indices.astype(np.int64)))
            * torch.from_numpy(rows.data.astype(np.float32))[:, None],
        )
        near = near - values(wanted) * torch.from_numpy(weight.astype(np.float32))[:, None]
        found = nn.functional.normalize(read(words[torch.from_numpy(batch)]) + near, dim=1)
        choices, place = torch.unique(wanted, return_inverse=True)
        logits = found @ nn.functional.normalize(values(choices), dim=1).T / TEMPERATURE
        loss = nn.functional.cross_entropy(logits, place)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0 or step == steps - 1:
            right = float((logits.argmax(dim=1) == place).float().mean())
            print(f"pre-training, step {step}: loss {loss.item():.3f}, told right {right:.0%}", flush=True)
    with torch.no_grad():
        near_all = torch.from_numpy((edges @ values.weight.numpy().astype(np.float64)).astype(np.float32))
        return nn.functional.normalize(read(words) + near_all, dim=1).numpy().astype(np.float64)


def in_turn(graph: CatalogGraph, split: Split, seed: int) -> list[IntArray]:
    """The products of every department that may be labelled, in random order."""
    random = np.random.default_rng(seed)
    free = np.zeros(len(graph), dtype=np.bool_)
    free[split.seen] = (buyers(split.train) >= MIN_BUYERS)[split.seen]
    found = []
    for own in sorted(own for own in graph.ids.values if str(own).startswith("department:")):
        below = graph.below(graph.ids.position(own))
        part = below[free[below]]
        free[part] = False
        found.append(random.permutation(part))
    return found


def sales_of(split: Split, labelled: IntArray) -> sp.csr_array:
    """The purchases of the labelled products alone, CSR (users, n)."""
    keep = np.zeros(split.train.shape[1], dtype=np.bool_)
    keep[labelled] = True
    return entries(split.weights, keep[split.weights.indices])


def ranked(blocks: FeatureBlocks, kernel: KernelSettings, split: Split, labelled: IntArray, factors: Factors) -> float:
    """NDCG@20 of the split's candidates with factors that know the labelled products alone."""
    mean = KernelRegressor(blocks, kernel, labelled, factors.targets[labelled]).prior(split.candidates).mean
    hits = split.test[split.users][:, split.candidates].toarray() > 0
    return ndcg(factors.user_vectors(split.users) @ mean.T, hits)


if __name__ == "__main__":
    main()
