"""No leak: with the hidden set fixed, noise in place of the hidden targets' sales changes no bit of any score."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from newaisle.gnn.evaluation.methods.newaisle import Newaisle
from newaisle.gnn.evaluation.methods.registry import compared_methods
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.validation.splits import PROTOCOLS, hide, make_split

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def methods(small_journey, encodings):
    """Everything that an evaluation compares."""
    return compared_methods(small_journey.graph, TextEncoder(cache=encodings).encode(small_journey.graph.texts))


@pytest.fixture(scope="module", params=PROTOCOLS)
def splits(request, small_journey):
    """A split, and the same with other sales of its hidden targets."""
    graph = small_journey.graph
    matrix = small_journey.interactions.matrix(graph)
    split = make_split(request.param, graph, matrix, 0)
    random = np.random.default_rng(0)
    dense = matrix.toarray()
    shape = (dense.shape[0], len(split.hidden))
    dense[:, split.hidden] = random.integers(1, 50, shape) * (random.random(shape) < 0.3)
    noisy = hide(split.protocol, split.seed, graph, sp.csr_array(dense), split.hidden)
    return split, noisy


def stored(method):
    """The arrays a fitted newaisle would store or answer from, as bytes, and its settings."""
    latent_model = method._model
    everything = np.arange(len(latent_model.vectors))
    arrays = (
        latent_model.factors.users,
        latent_model.factors.targets,
        latent_model.factors.basis,
        latent_model.prior.mean,
        latent_model.prior.variance,
        latent_model.vectors,
        latent_model.prior_share,
        latent_model.confidence,
        latent_model.embeddings(everything),
        latent_model.factors.mean_user,
    )
    return [array.tobytes() for array in arrays], latent_model.settings, latent_model.longest


def answers(made, split, users, targets):
    """Scores as bytes; what is stored too, where something is."""
    method = made(0)
    method.fit(split)
    scores = np.ascontiguousarray(method.score(split, users, targets))
    return scores.tobytes(), stored(method) if isinstance(method, Newaisle) else None


@pytest.fixture(scope="module")
def whole(splits, methods):
    """What newaisle answers without noise."""
    split, _ = splits
    return answers(methods["newaisle"], split, split.users, split.hidden)


def test_the_noise_is_in_the_hidden_sales_only(splits):
    split, noisy = splits
    for part in ("data", "indices", "indptr"):
        assert getattr(split.train, part).tobytes() == getattr(noisy.train, part).tobytes()
    assert (split.hidden == noisy.hidden).all()
    assert (split.seen == noisy.seen).all()
    assert np.mean((split.test != noisy.test).toarray()[:, split.hidden]) > 0.2
    assert len(split.candidates) != len(noisy.candidates)


def test_no_method_but_the_ceiling_sees_hidden_sales(splits, methods, whole):
    split, noisy = splits
    baselines = {"random", "catalog-size", "popularity", "text-cosine", "knn", "kernel-ridge", "linmap", "ceiling"}
    assert set(methods) == {"newaisle", *baselines}
    users, targets = split.users, split.hidden
    differing = [
        name
        for name, made in methods.items()
        if (whole if name == "newaisle" else answers(made, split, users, targets))
        != answers(made, noisy, users, targets)
    ]
    assert differing == ["ceiling"]


def test_a_leak_would_be_found(splits, methods, whole):
    """The same comparison tells when a single hidden sale does get into the training data."""
    split, _ = splits
    leaking = split.train.toarray()
    leaking[split.users[0], split.candidates[0]] = 1
    leaked = replace(split, train=sp.csr_array(leaking))
    assert whole != answers(methods["newaisle"], leaked, split.users, split.hidden)
