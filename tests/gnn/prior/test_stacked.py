"""Many targets compared side by side: as alike as the kernel says, whatever repeats and whatever came later."""

import numpy as np
import pytest
import scipy.sparse as sp

from newaisle.errors import ModelError
from newaisle.gnn.prior.kernel import KernelSettings, kernel
from newaisle.gnn.prior.stacked import StackedFeatures
from newaisle.gnn.propagation.features import FeatureBlocks, FeatureKind

SETTINGS = KernelSettings({"text": 0.4, "brand": 0.2, "size": 0.1, "place": 0.0}, ridge=0.1)
SEEN, NEW = np.arange(0, 150), np.arange(150, 200)


@pytest.fixture(scope="module")
def blocks() -> FeatureBlocks:
    """200 targets that share 40 texts and 12 brands; the last of the brands only new targets have."""
    random = np.random.default_rng(0)
    texts = random.normal(size=(40, 8))
    brand = random.integers(0, 11, 200)
    brand[NEW[::7]] = 11
    relation = sp.csr_array((np.ones(200), (np.arange(200), brand)), shape=(200, 12))
    matrices = {
        "text": (texts / np.linalg.norm(texts, axis=1, keepdims=True))[random.integers(0, 40, 200)],
        "brand": relation,
        "size": random.normal(size=(200, 1)),
        "place": random.normal(size=(200, 2)),
    }
    kinds = {
        "text": FeatureKind.TEXT,
        "brand": FeatureKind.RELATION,
        "size": FeatureKind.FEATURE,
        "place": FeatureKind.PLACE,
    }
    return FeatureBlocks(matrices, kinds)


def test_it_computes_the_kernel(blocks: FeatureBlocks) -> None:
    seen, new = (StackedFeatures.of(blocks, SETTINGS, targets) for targets in (SEEN, NEW))
    rows, columns = np.arange(len(NEW)), np.arange(len(SEEN))
    found = new.kernel(rows, seen, columns)
    np.testing.assert_allclose(found, kernel(blocks, SETTINGS, NEW, SEEN), atol=1e-6)
    among = seen.kernel(columns[:30], seen, columns[:30])
    np.testing.assert_allclose(among, kernel(blocks, SETTINGS, SEEN[:30], SEEN[:30]), atol=1e-6)


def test_equal_texts_are_kept_once(blocks: FeatureBlocks) -> None:
    settings = KernelSettings({"text": 0.4, "brand": 0.2})
    assert len(StackedFeatures.of(blocks, settings, SEEN).distinct) <= 40
    assert len(StackedFeatures.of(blocks, KernelSettings({"brand": 1.0}), SEEN).distinct) == 1


def test_the_nearest_are_those_of_the_kernel_and_not_the_target_itself(blocks: FeatureBlocks) -> None:
    seen = StackedFeatures.of(blocks, SETTINGS, SEEN)
    alike = kernel(blocks, SETTINGS, SEEN, SEEN)
    np.fill_diagonal(alike, -1.0)
    found = seen.nearest(seen, 9, np.arange(len(SEEN)))
    assert found.shape == (len(SEEN), 9)
    assert (np.diff(found, axis=1) > 0).all()
    for target, near in enumerate(found):
        assert target not in near
        assert np.sort(alike[target][near]) == pytest.approx(np.sort(alike[target])[-9:], abs=1e-6)


def test_values_that_came_later_only_set_their_targets_apart(blocks: FeatureBlocks) -> None:
    before = FeatureBlocks({**blocks.matrices, "brand": sp.csr_array(blocks.matrices["brand"][:, :11])}, blocks.kinds)
    seen = StackedFeatures.of(before, SETTINGS, SEEN)  # of fit time, when the last brand was not known
    new = StackedFeatures.of(blocks, SETTINGS, NEW, seen.widths)
    found = new.kernel(np.arange(len(NEW)), seen, np.arange(len(SEEN)))
    np.testing.assert_allclose(found, kernel(blocks, SETTINGS, NEW, SEEN), atol=1e-6)


def test_a_block_that_does_not_exist_is_reported(blocks: FeatureBlocks) -> None:
    with pytest.raises(ModelError, match="weigh 'colour'"):
        StackedFeatures.of(blocks, KernelSettings({"colour": 1.0}), SEEN)
