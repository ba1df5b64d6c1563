"""Models saved in half precision: smaller, double again when read, and all but the same answers."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.models import data_of

from newaisle.api.recommender import Recommender
from newaisle.errors import InputError, ModelError
from newaisle.gnn.validation.metrics import ndcg


@pytest.fixture(scope="module")
def folders(fitted, tmp_path_factory):
    """precision -> a folder with ``fitted`` in it."""
    made = {precision: tmp_path_factory.mktemp("half") / precision for precision in ("float64", "float16")}
    for precision, folder in made.items():
        fitted.save(folder, precision=precision)
    return made


@pytest.fixture(scope="module")
def half(folders):
    return Recommender.load(folders["float16"])


def test_vectors_and_phi_take_a_fourth_of_the_space(folders):
    for name in ("space.safetensors", "blocks.safetensors"):
        whole, small = (load_file(data_of(folders[precision]) / name) for precision in ("float64", "float16"))
        assert whole.keys() == small.keys()
        for key, array in small.items():
            assert array.dtype == (
                np.float16 if whole[key].dtype == np.float64 and "frozen" not in key else whole[key].dtype
            )
    sizes = {p: (data_of(folder) / "space.safetensors").stat().st_size for p, folder in folders.items()}
    assert sizes["float16"] < 0.3 * sizes["float64"]


def test_what_is_read_is_double_precision_again(half, fitted):
    latent_model, before = half.fitted.model, fitted.fitted.model
    pairs = [
        (latent_model.factors.users, before.factors.users),
        (latent_model.factors.targets, before.factors.targets),
        (latent_model.factors.basis, before.factors.basis),
        (latent_model.prior.mean, before.prior.mean),
        (latent_model.prior.variance, before.prior.variance),
        (latent_model.vectors, before.vectors),
        *(
            (latent_model.regressor.blocks.matrices[name], before.regressor.blocks.matrices[name])
            for name in before.regressor.blocks.names
        ),
    ]
    for found, expected in pairs:
        assert found.dtype == np.float64
        assert abs(found - expected).max() <= 1e-3 * abs(expected).max()
    assert (latent_model.regressor.seen == before.regressor.seen).all()


def test_answers_are_all_but_the_same(half, fitted, journey):
    users, targets = [*fitted.fitted.users, None], list(journey.graph.ids)
    np.testing.assert_allclose(half.score(users, targets), fitted.score(users, targets), atol=1e-3)
    np.testing.assert_allclose(half.probabilities(users, targets), fitted.probabilities(users, targets), atol=2e-3)
    bought = fitted.fitted.bought[np.diff(fitted.fitted.bought.indptr) > 0]
    seen, rows = fitted.fitted.model.regressor.seen, np.flatnonzero(np.diff(fitted.fitted.bought.indptr))
    hits = bought[:, seen].toarray() > 0
    known = [targets[i] for i in seen]
    one, other = (ndcg(r.score([users[i] for i in rows], known), hits) for r in (half, fitted))
    assert one == pytest.approx(other, abs=1e-3)
    why = half.explain(users[rows[0]], targets[3])
    assert sum(reason.share for reason in why.history) + why.offset == pytest.approx(why.score, abs=1e-3)
    assert sum(reason.share for reason in why.sources) + why.own_sales + why.offset == pytest.approx(
        why.score, abs=1e-9
    )


def test_saving_it_again_in_half_precision_changes_nothing(half, folders, tmp_path):
    half.save(tmp_path / "again", precision="float16")
    for file in data_of(folders["float16"]).iterdir():
        assert (data_of(tmp_path / "again") / file.name).read_bytes() == file.read_bytes()


def test_other_precisions_and_numbers_too_large_are_refused(fitted, tmp_path):
    with pytest.raises(InputError, match="precision is 'float8'; give 'float64' or 'float16'"):
        fitted.save(tmp_path / "model", precision="float8")
    latent_model = fitted.fitted.model
    large = replace(latent_model, vectors=latent_model.vectors * 1e9, longest=latent_model.longest * 1e9)
    broken = Recommender()
    broken._state = replace(fitted.fitted, model=large)
    with pytest.raises(ModelError, match="vectors has numbers too large for float16; save it with precision='float64'"):
        broken.save(tmp_path / "model", precision="float16")
    assert not list(tmp_path.iterdir())
