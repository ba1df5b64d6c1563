"""What noise on user vectors costs: NDCG@20 of hidden categories of Complete Journey, ranked by released vectors.

    python benchmarks/privacy.py [--seeds 20,21] [--epsilon 1,4,8] [--delta 1e-5] [--draws 5]

Every judged user's unit vector is released by the analytic Gaussian mechanism (`newaisle.gnn.retrieval.privacy`) and
ranks the hidden targets of leave-targets-out. "drawn to the mean user" is what a receiver can do who knows mean and
spread of all user vectors: the linear estimate m + s^2 / (s^2 + sigma^2) (f - m), which costs no privacy of the user's
own.
"""

from __future__ import annotations

import argparse

import numpy as np

from newaisle import load
from newaisle.api.settings import Settings
from newaisle.arrays import FloatArray
from newaisle.gnn.evaluation.comparison import summary_table
from newaisle.gnn.evaluation.runner import ResultRow
from newaisle.gnn.model.cosine_softmax import user_embeddings
from newaisle.gnn.model.model import LatentFactorModel
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.retrieval.privacy import gaussian_sigma, release_vectors
from newaisle.gnn.text.catalog import encode_catalog
from newaisle.gnn.text.weights import PACKAGED
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, Split, make_split


def main() -> None:
    """Fit once per seed, release at every epsilon, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="20,21", help="default: %(default)s")
    parser.add_argument("--epsilon", default="1,4,8", help="default: %(default)s")
    parser.add_argument("--delta", type=float, default=1e-5, help="default: %(default)s")
    parser.add_argument("--draws", type=int, default=5, help="of the noise per seed (default: %(default)s)")
    given = parser.parse_args()
    budgets = [float(word) for word in given.epsilon.split(",")]
    loaded = load("complete-journey")
    graph, history = loaded.graph, loaded.interactions
    if history is None:
        raise SystemExit("Complete Journey has no sales.")
    encoded = encode_catalog(graph, PACKAGED, Settings().encodings)
    blocks, matrix = propagate(graph, encoded.texts, encoded.names), history.matrix(graph)
    rows: list[ResultRow] = []
    for seed in map(int, given.seeds.split(",")):
        split = make_split(LEAVE_TARGETS_OUT, graph, matrix, seed)
        latent_model = fit_model(graph, split.train, blocks, seed=seed, protocols=(split.protocol,))
        sizes = (
            f"{len(split.users):,} users, {len(split.candidates)} targets, {latent_model.vectors.shape[1]} dimensions"
        )
        print(f"seed {seed}: {sizes}")
        for name, vectors in receivers(latent_model, split, budgets, given.delta, given.draws).items():
            value = judged(latent_model, split, vectors)
            rows.append(ResultRow(split.protocol, seed, name, "ndcg@20", value))
            print(f"seed {seed}, {name}: {value:.4f}", flush=True)
    for line in summary_table(rows):
        error = "" if line.standard_error is None else f" ± {line.standard_error:.4f}"
        print(f"{line.method:40} {line.mean:.4f}{error}")


def receivers(
    latent_model: LatentFactorModel, split: Split, budgets: list[float], delta: float, draws: int
) -> dict[str, list[FloatArray]]:
    """Name -> what somebody ranks by, several draws of it, each float64 (users, d)."""
    # the last coordinate is 0 for all users
    users = user_embeddings(latent_model.factors.user_vectors(split.users))[:, :-1]
    everybody = user_embeddings(latent_model.factors.users[np.diff(split.train.indptr) > 0])[:, :-1]
    mean, spread = everybody.mean(axis=0), float(everybody.var(axis=0).mean())
    found = {"no noise": [users], "the mean user for all": [np.tile(mean, (len(users), 1))]}
    for epsilon in budgets:
        sigma, random = gaussian_sigma(epsilon, delta, 2.0), np.random.default_rng(split.seed)
        released = [release_vectors(users, epsilon, delta, random) for _ in range(draws)]
        keep = spread / (spread + sigma**2)
        found[f"epsilon {epsilon:g} (sigma {sigma:.2f})"] = released
        found[f"epsilon {epsilon:g}, drawn to the mean user"] = [mean + keep * (each - mean) for each in released]
    return found


def judged(latent_model: LatentFactorModel, split: Split, draws: list[FloatArray]) -> float:
    """NDCG@20 by cosine, the mean over draws."""
    targets = latent_model.embeddings(split.candidates)[:, :-1]
    hits = split.test[split.users][:, split.candidates].toarray() > 0
    return float(np.mean([ndcg(users @ targets.T, hits) for users in draws]))


if __name__ == "__main__":
    main()
