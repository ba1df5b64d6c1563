"""Methods with given settings, so that tests need no search."""

from __future__ import annotations

import numpy as np

from newaisle.gnn.evaluation.methods.kernel_baselines import Popularity
from newaisle.gnn.evaluation.methods.linmap import LinMap
from newaisle.gnn.evaluation.methods.newaisle import Newaisle
from newaisle.gnn.factors.als import fit_factors
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelRegressor
from newaisle.gnn.propagation.features import FeatureBlocks
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.validation.splits import Split, binary


class FixedNewaisle(Newaisle):
    fits = 0

    def __init__(self, seed: int, blocks: FeatureBlocks, settings: ModelSettings) -> None:
        super().__init__(seed, blocks)
        self.settings = settings

    def fit(self, split: Split) -> None:
        type(self).fits += 1
        self._model = fit_model(
            split.graph, split.train, self.blocks, seed=self.seed, settings=self.settings, signed=split.signed
        )


class FixedLinMap(LinMap):
    def __init__(self, seed: int, blocks: FeatureBlocks, settings: ModelSettings) -> None:
        super().__init__(seed, blocks)
        self.settings = settings

    def fit(self, split: Split) -> None:
        factors = fit_factors(binary(split.train), self.settings.factors, self.seed)
        regressor = KernelRegressor(self.blocks, self.settings.kernel, split.seen, factors.targets[split.seen])
        self._parts = factors, regressor


class FixedPopularity(Popularity):
    def __init__(self, seed: int, blocks: FeatureBlocks, settings: ModelSettings) -> None:
        super().__init__(seed, blocks)
        self.settings = settings

    def fit(self, split: Split) -> None:
        self._regressor = KernelRegressor(
            self.blocks, self.settings.kernel, split.seen, levels(split)[split.seen, None]
        )


def levels(split: Split) -> np.ndarray:
    """Centred logits of the shares of buyers of all targets, (n,)."""
    share = (np.bincount(split.train.indices, minlength=split.train.shape[1]) + 0.5) / (split.train.shape[0] + 1)
    level: np.ndarray = np.log(share / (1 - share))
    return level - level[split.seen].mean()
